"""PostgreSQL behind the connector's ports: schema, migrations, one module per book, leases, own server."""
