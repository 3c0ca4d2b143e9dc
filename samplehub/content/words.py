"""Vocabulary for invented names and texts."""

from __future__ import annotations

_WORDS = """
account adapter address agent alarm alias anchor archive array asset atlas audit backend badge balance
banner basket batch beacon binary block border bottle branch bridge bucket buffer builder bundle button
cache canvas carbon catalog channel chart checker circle client cluster codec collector column command
compass config console context cookie copper counter cursor daemon dataset decoder default delta device
dialog digest dispatch domain driver editor element encoder engine entry error event export factory
feature field filter finder folder footer format frame garden gateway grammar graph grid group handler
harbor hash header helper history hook index input insert instance invoice island journal kernel key
label ladder lambda lantern layer layout ledger lexer library limit linker listener loader locale locker
logger machine mapper marker matrix memory menu merge message meter method metric mirror model module
monitor mount native needle network node notice number object offset option orbit order output owner
packet page panel parser partner path pattern payload pencil picker pilot pipe pixel planet player plugin
pointer policy poller pool portal prefix printer process profile prompt proxy quarry query queue quota
radar range reader record region registry relay render report request resolver result reverse ribbon
river router rule runner sample scanner schema scope script search section segment selector sensor series
server session setting shader shadow shell signal silver socket sorter source sparrow spool stack stage
state static status storage stream string style summary switch symbol syntax system table target task
template tensor terminal thread ticket timer token toolbar topic tracker traffic transfer transit tree
trigger tunnel unit update upload user utility value vector vendor version viewer virtual volume walker
watcher widget window worker wrapper writer yield zone
"""
WORDS = tuple(_WORDS.split())

_LANGUAGES = "ar ca cs da de el es fi fr hu id it ja ko nb nl pl pt_BR ro ru sk sv tr uk vi zh_CN zh_TW"
LANGUAGES = tuple(_LANGUAGES.split())

_ZONES = """
Africa/Cairo Africa/Lagos Africa/Nairobi America/Bogota America/Chicago America/Denver America/Lima
America/New_York America/Sao_Paulo America/Toronto Antarctica/Casey Asia/Dhaka Asia/Dubai Asia/Kolkata
Asia/Manila Asia/Seoul Asia/Shanghai Asia/Tokyo Atlantic/Azores Australia/Perth Australia/Sydney
Europe/Berlin Europe/Dublin Europe/Kyiv Europe/Lisbon Europe/London Europe/Paris Europe/Rome
Indian/Maldives Pacific/Auckland Pacific/Fiji Pacific/Tahiti
"""
ZONES = tuple(_ZONES.split())
