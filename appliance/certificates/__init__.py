"""Certificates: a checked bundle, the store that installs it, and the certificate that we make ourselves.

One certificate serves every encrypted port; whoever needs it reads `DataFolder.certificates / "current"`.
"""
