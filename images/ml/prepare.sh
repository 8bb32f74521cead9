# Runs in the finished root as its superuser, in a sandbox without network. The bytecode of the image below is there already.
set -eu
python3 -m compileall -q -j 0 /usr/local/lib/python3* > /dev/null || true
