"""What gunicorn loads: `flask_admin_ui.wsgi:admin`. The data folder is named by GOSIP_DATA_DIR."""

from __future__ import annotations

from appliance.settings import Settings
from flask_admin_ui import create_app

admin = create_app(Settings.load())
