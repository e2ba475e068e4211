#!/bin/sh
# On a machine that has a way to the Hub: models.tar, for a stick or an artifact store.
set -eu
prewarm
prewarm bundle -o models.tar
sha256sum models.tar > models.tar.sha256
