#!/bin/sh
# What the tests need besides Python: as root on Debian or Ubuntu, what is missing is installed, and no package may start its daemon.
# Further pairs of program:package may be given; only root's PATH is searched, or the program is an absolute path.
# Any other user is told what is missing; the tests that need it are then left out, loudly, and under CI=true they fail.
set -eu
export PATH="$PATH:/usr/sbin:/sbin"

# program:package
wanted="ip:iproute2 bridge:iproute2 nft:nftables snmptrapd:snmptrapd ssh-keygen:openssh-client ps:procps
cc:gcc cc:libc6-dev unshare:util-linux nsenter:util-linux setpriv:util-linux fence_dummy:fence-agents
nginx:nginx-light named:bind9 dbus-daemon:dbus-daemon busctl:systemd ocf-tester:resource-agents
mkfs.ext4:e2fsprogs losetup:mount etcd:etcd-server etcdctl:etcd-client openssl:openssl haproxy:haproxy
dig:bind9-dnsutils arping:iputils-arping conntrackd:conntrackd sysctl:procps curl:curl
postfix:postfix mariadbd:mariadb-server mariadb-dump:mariadb-client
/usr/lib/postgresql/15/bin/postgres:postgresql-15 /usr/lib/postgresql/15/bin/psql:postgresql-client-15 $*"
missing=""
for pair in $wanted; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
"${PYTHON:-python3}" -c 'import ensurepip' 2>/dev/null || command -v uv >/dev/null 2>&1 || missing="$missing python3-venv"
[ -n "$missing" ] || exit 0
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')

say() { printf 'programs: %s\n' "$*" >&2; }

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    say "not here: $missing- what needs them is not tested; on Debian or Ubuntu: sudo apt-get install $missing"
    exit 0
fi
say "apt-get install $missing..."
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod 755 $policy
fi
{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >/dev/null \
    || say "apt-get could not install them (its words are above): what needs them is not tested"
for pair in etcd-server:etcd haproxy:haproxy conntrackd:conntrackd postgresql-15:postgresql postfix:postfix \
    mariadb-server:mariadb; do
    case " $missing" in  # the package would start one at the next boot
    *" ${pair%%:*} "*) systemctl disable -q "${pair#*:}" 2>/dev/null || true ;;
    esac
done
