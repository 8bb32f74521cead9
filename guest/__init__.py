"""The code on the inside of every sandbox: `agent` is the same behind every boundary, `namespaces` builds one of them."""
