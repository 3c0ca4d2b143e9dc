"use strict";
// A click on the head of a column sorts by it; another click turns the order round.
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const rising = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const value = (row) => {
        const cell = row.cells[column];
        return "value" in cell.dataset ? Number(cell.dataset.value) : null;
      };
      const text = (row) => row.cells[column].textContent.trim();
      const rows = [...body.rows].sort((a, b) => {
        const [left, right] = [value(a), value(b)];
        if (left === null && right === null) return text(a).localeCompare(text(b)) * (rising ? 1 : -1);
        if (left === null || right === null) return left === null ? 1 : -1; // what has no number comes last
        return (left - right) * (rising ? 1 : -1);
      });
      body.append(...rows);
    });
  });
}
