"""Starts a zygote: python3 <this folder> '{"imports":[…],"warm":…}'."""

from dragoman_guest import zygote

zygote.start()
