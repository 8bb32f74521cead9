# Runs in the finished root as its superuser, in a sandbox without network.
set -eu
place=/usr/lib/dragoman

# Fonts under every name that programs write for them.
python3 $place/fonts/install.py
python3 $place/matplotlib/backends.py
python3 $place/joblib/cores.py
if command -v fc-cache > /dev/null; then fc-cache --system-only; fi

# Locales, all in one archive. Sorting by the rules of a language is most of their size, and they share it.
mkdir -p /tmp/locales
tr ' ' '\n' < $place/locales.list |
  xargs -P "$(nproc)" -I '{}' localedef --no-archive --inputfile='{}' --charmap=UTF-8 '/tmp/locales/{}.UTF-8'
(cd /tmp/locales && localedef --quiet --add-to-archive *)
rm -rf /usr/share/i18n/locales /usr/share/i18n/charmaps

# git is used by a user without a home of their own, in folders that others may have made.
git config --system init.defaultBranch main
git config --system user.name user
git config --system user.email user@sandbox.invalid
git config --system safe.directory '*'

# What of Python changed since everything was compiled.
python3 -m compileall -q -j 0 /usr/lib/python3/dist-packages/matplotlib /usr/lib/python3/dist-packages/joblib > /dev/null
