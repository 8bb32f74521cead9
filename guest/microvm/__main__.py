"""The machine's first process."""

from . import relay

relay.main()
