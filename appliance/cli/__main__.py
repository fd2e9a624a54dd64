"""`python -m appliance.cli`."""

from __future__ import annotations

from appliance.cli import main

if __name__ == "__main__":
    main(prog_name="gosip")
