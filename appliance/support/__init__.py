"""The support bundle: what somebody who helps needs to see of a system, and nothing that opens it.

    secrets     the secrets that this system knows, found again in any text
    masking     numbers and names, replaced by the same word everywhere
    redaction   what each text of a bundle goes through: secrets, then patterns, then masks
    scene       where and how one bundle looks
    programs    what runs, and what it answers
    records     database, events, calls
    writings    logs and SIP messages
    host        the machine
    archive     the file: parts, manifest, README

The rule: nothing gets into the file but by `redaction`. Each part is made on its own; one that cannot be made says why.
"""
