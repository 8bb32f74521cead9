"""Makes previews of documents. It runs inside a sandbox, because any document may be hostile; what it writes is a claim to the service."""
