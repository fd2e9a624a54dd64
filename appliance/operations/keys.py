"""When the key of the secret box is lost: a new one, and an honest list of what was lost with the old."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.database.connection import open_database
from appliance.database.models import Config, Device, User
from appliance.errors import Conflict, KeyUnusable
from appliance.operations.change import change
from appliance.operations.context import Appliance, Context, ensure_realm
from appliance.secretbox import read_key_file, replace_key_file
from appliance.settings import Settings

KEY_IS_GOOD = (
    "The key file {path} is good: with a new one everything sealed with it would be lost. Nothing was changed."
)


@dataclass(frozen=True, slots=True)
class KeyLoss:
    """What cannot be opened any more."""

    devices: int
    """Devices that go on working, but whose passwords can no longer be rendered: set them anew to provision them."""
    second_factors: tuple[str, ...]
    """Users who sign in with the password alone, until they set up a second factor again."""
    service_secrets: int
    """Tokens of other services that must be given again."""


def replace_lost_key(settings: Settings) -> KeyLoss:
    """Make a new key in place of a missing or damaged one. Raises `Conflict` when the key is good."""
    path = settings.folder.secret_key
    try:
        read_key_file(path)
    except KeyUnusable:
        pass
    else:
        raise Conflict(KEY_IS_GOOD.format(path=path))
    open_database(settings.folder.database)
    context = Context.of_command_line(Appliance(settings, ensure_realm(settings)))
    replace_key_file(path)
    with change(context) as now:
        users = [row.name for row in User.select().where(User.totp_sealed.is_null(False)).order_by(User.name)]
        User.update(totp_sealed=None, totp_last_step=0).execute()
        tokens = Config.update(cloudflare_api_token=None).where(Config.cloudflare_api_token.is_null(False)).execute()
        loss = KeyLoss(Device.select().count(), tuple(users), tokens)
        now.audit("key.new", "", second_factors=users)
    return loss
