"""The back-to-back user agent: what happens between two (or more) phones.

A call is a caller's leg, one or more called legs and the media between them. Legs know SIP, the call knows the
story, `routing` knows who is meant; only `CallEvent` values and media offers and answers cross from leg to leg.
"""
