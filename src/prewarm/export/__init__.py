"""From an entry to what a deployment opens: a folder with a graph that was compared with the original."""
