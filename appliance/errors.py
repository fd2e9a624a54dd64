"""The errors of the shared core. Each message is one clear sentence or more for a person: what, why, what to do.

    ApplianceError
    ├── SettingError               a setting has a value that is not allowed
    ├── DataFolderError            the data folder cannot be used: missing, read-only, too deep
    ├── DatabaseError              the database cannot be used
    │   ├── SchemaTooNew           it was written by a newer GoSIP
    │   └── DatabaseBusy           another process holds the write lock for too long
    ├── SecretBoxError             a sealed value cannot be opened or the key cannot be read
    │   ├── KeyUnusable            the key file is lost, damaged or readable by others
    │   └── WrongKey               the value was sealed with another key or for another field
    ├── CertificateError           a certificate, key or chain cannot be used
    ├── ControlError               talking over a control socket failed (appliance.control.errors)
    │   ├── NotReachable           nobody answers on the socket
    │   │   └── NoAnswerInTime     somebody is there, and does not answer
    │   ├── ProtocolMismatch       the other side speaks another protocol, or none
    │   └── CallRefused            the other side answered with an error; carries its code
    └── OperationError             a use case was not carried out
        ├── Invalid                values that are not allowed; carries field and message of each
        ├── NotFound               there is no such thing
        ├── Conflict               it clashes with something that is there
        │   └── ChangedMeanwhile   somebody else has changed it since it was read
        ├── Forbidden              this actor may not do that
        └── SignInRefused          wrong name, password or code: it never says which
            ├── LockedOut          too many failures; carries the seconds to wait
            └── CodeNeeded         name and password are right; the second factor's code is missing

supervisor's errors stand in `appliance.supervision.client`.
"""

from __future__ import annotations

from collections.abc import Mapping


class ApplianceError(Exception):
    """Anything that the shared core can tell a person."""


class SettingError(ApplianceError):
    """A setting has a value that is not allowed: the text names the variable, the value and what is allowed."""


class DataFolderError(ApplianceError):
    """The data folder cannot be used."""


class DatabaseError(ApplianceError):
    """The database cannot be used."""


class SchemaTooNew(DatabaseError):
    """The database has migrations that this version does not know."""


class DatabaseBusy(DatabaseError):
    """The write lock could not be had in time: nothing was changed."""


class SecretBoxError(ApplianceError):
    """A sealed value cannot be used."""


class KeyUnusable(SecretBoxError):
    """The key file is lost, damaged or not private."""


class WrongKey(SecretBoxError):
    """The value was sealed with another key, for another field, or was altered."""


class CertificateError(ApplianceError):
    """A certificate, its key or its chain cannot be used."""


class OperationError(ApplianceError):
    """A use case was not carried out; nothing was changed."""


class Invalid(OperationError):
    """One or more values are not allowed. `details` maps each field to its message."""

    def __init__(self, details: Mapping[str, str], message: str | None = None) -> None:
        super().__init__(message or " ".join(details.values()))
        self.details = dict(details)


class NotFound(OperationError):
    """There is no such thing."""


class Conflict(OperationError):
    """It clashes with something that is there already. `field` names the one at fault, where there is one."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class ChangedMeanwhile(Conflict):
    """Somebody else has changed it since the state was read on which this change was decided."""


class Forbidden(OperationError):
    """This actor may not do that."""


class SignInRefused(OperationError):
    """The sign-in failed. The text is the same whatever was wrong, so that nobody can ask which names exist."""


class LockedOut(SignInRefused):
    """Too many failures. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CodeNeeded(SignInRefused):
    """Name and password are right: ask for the code of the second factor."""
