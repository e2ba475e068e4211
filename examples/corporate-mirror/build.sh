#!/bin/sh
# What a build does behind the mirror: look first, then fetch and prove. With prewarm.lock: prewarm --locked
set -eu
. ./environment.sh
prewarm doctor || true
prewarm
