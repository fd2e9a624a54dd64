"""`python -m appliance.cli`."""

from __future__ import annotations

import gc

from appliance.cli import main

if __name__ == "__main__":
    # What was imported lives as long as the command: no collection looks at it again, not even the one at its end,
    # which would take a tenth of a short command's time.
    gc.freeze()
    main(prog_name="gosip")
