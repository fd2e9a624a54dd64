"""The JSON twin of the pages: /api, camelCase names, RFC 9457 errors, 20 rows a page unless asked otherwise."""

from __future__ import annotations

from flask import Blueprint

BLUEPRINTS: tuple[Blueprint, ...] = ()
