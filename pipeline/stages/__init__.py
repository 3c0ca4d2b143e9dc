"""The stages: each finds out whether there is work, builds what it needs, and runs its engine on a bench."""
