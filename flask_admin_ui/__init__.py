"""The admin app: server-rendered pages and their JSON twin under /api, thin over `appliance.operations`.

One rule: it owns no state that matters. Sessions and configuration are in the database, live state is asked from
`sip`; so any number of processes may run, and each may be restarted at any time.
"""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from appliance import __version__
from appliance.operations.context import Appliance
from appliance.secretbox import read_key_file
from appliance.settings import Settings
from flask_admin_ui import api, errors, news, pages, rendering
from flask_admin_ui.daemon import Daemon
from flask_admin_ui.fragments import FragmentCache
from flask_admin_ui.menu import menu
from flask_admin_ui.processes import Processes
from flask_admin_ui.security import access, cookies, gate, headers, sign_in
from flask_admin_ui.services import KEY, Services
from flask_admin_ui.traces import Traces

MAX_REQUEST_BYTES = 4 * 1024 * 1024
MAX_FORM_FIELDS = 500

__all__ = ["create_app"]


def create_app(settings: Settings, appliance: Appliance | None = None) -> Flask:
    """The WSGI app of one data folder. Raises an `ApplianceError` when the folder cannot be used."""
    appliance = appliance or Appliance.open(settings)
    app = Flask(__name__)
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        MAX_FORM_PARTS=MAX_FORM_FIELDS,
        # Each asset's address carries the hash of its content.
        SEND_FILE_MAX_AGE_DEFAULT=365 * 24 * 3600,
        PROPAGATE_EXCEPTIONS=False,
    )
    app.extensions[KEY] = Services(
        appliance=appliance,
        daemon=Daemon(settings.folder.sip_socket),
        processes=Processes.at(settings.folder.supervisor_socket),
        fragments=FragmentCache(),
        traces=Traces(),
    )
    cookies.configure(app, read_key_file(settings.folder.secret_key))
    rendering.install(app)
    headers.install(app)
    errors.install(app)
    gate.install(app)
    news.install(app)
    app.context_processor(access.template_values)
    app.jinja_env.globals.update(menu=menu, product_version=__version__)
    app.register_blueprint(sign_in.blueprint)
    for blueprint in (*pages.BLUEPRINTS, *api.BLUEPRINTS):
        app.register_blueprint(blueprint)
    # nginx is the one proxy in front; nobody else reaches the socket.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    return app
