#!/bin/sh
# same_on_32_bits.sh SOURCE DIRECTORY: a program of 32 bits runs seeds as one of 64 does: it has the
# hashes that are kept. It is built in DIRECTORY, against libraries of Debian's i386 that are
# unpacked there, beside those of the system and without its knowledge; and kept for the next time.
set -eu
source=$1
directory=$2
hashes=$source/tests/determinism/hashes_are_kept.sh

skip() {
    echo "skipped: $1"
    exit 77
}

for tool in apt-get dpkg-deb gcc meson ninja pkg-config; do
    command -v "$tool" >/dev/null || skip "$tool is not installed"
done
. /etc/os-release
[ "${ID:-}" = debian ] || skip "this is not Debian"
[ "$(uname -m)" = x86_64 ] || skip "programs of i386 do not run on this machine"

gcc_version=$(gcc -dumpversion)
mkdir -p "$directory"
cd "$directory"
directory=$(pwd)
# What pkg-config says of a path with a blank is taken apart at it.
case $directory in
*[[:space:]]*)
    link=${TMPDIR:-/tmp}/cohort-32-$(printf %s "$directory" | cksum | cut -d' ' -f1)
    ln -sfn "$directory" "$link"
    trap 'rm -f "$link"' EXIT
    directory=$link
    ;;
esac
root=$directory/root
libraries=$root/usr/lib/i386-linux-gnu

# apt with a state of its own, in which nothing is installed; the packages come from where this
# system has its own from.
unpack() {
    mkdir -p apt/lists/partial apt/cache/archives/partial debs "$root"
    : >apt/status
    cat >apt/apt.conf <<END
Dir::State "$directory/apt";
Dir::State::lists "$directory/apt/lists";
Dir::State::status "$directory/apt/status";
Dir::Cache "$directory/apt/cache";
APT::Architecture "i386";
APT::Architectures { "i386"; };
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "20";
APT::Sandbox::User "";
END
    APT_CONFIG=$directory/apt/apt.conf
    export APT_CONFIG
    apt-get update >apt.log 2>&1 || true # one source of several may be away
    (cd debs && apt-get download libc6 libc6-dev linux-libc-dev "libgcc-$gcc_version-dev" libgcc-s1 \
        libglib2.0-0 libglib2.0-dev libpcre2-8-0 libpcre2-dev libffi8 libffi-dev libmount1 \
        libmount-dev libblkid1 libblkid-dev libselinux1 libselinux1-dev libsepol2 libsepol-dev \
        zlib1g zlib1g-dev libjansson4 libjansson-dev libxxhash0 libxxhash-dev libcsv3 libcsv-dev \
        libcmocka0 libcmocka-dev) >>apt.log 2>&1 || return 1
    for package in debs/*.deb; do
        dpkg-deb -x "$package" "$root"
    done
    touch unpacked
}

[ -f unpacked ] || unpack || skip "the libraries cannot be had: $(grep -m1 '^[EW]:' apt.log)"

ccache=$(command -v ccache >/dev/null && echo "'ccache', " || true)
objects=$root/usr/lib/gcc/i686-linux-gnu/$gcc_version
cat >cross.ini <<END
[binaries]
c = [$ccache'gcc', '-m32', '--sysroot=$root', '-B$objects', '-L$objects',
     '-isystem', '$root/usr/include/i386-linux-gnu']
ar = 'ar'
strip = 'strip'
pkgconfig = 'pkg-config'
[properties]
pkg_config_libdir = '$libraries/pkgconfig:$root/usr/share/pkgconfig'
sys_root = '$root'
[host_machine]
system = 'linux'
cpu_family = 'x86'
cpu = 'i686'
endian = 'little'
END
# What this compiler warns of is not what is tried here.
[ -f build/build.ninja ] ||
    meson setup build "$source" --cross-file cross.ini -Dwerror=false >build.log 2>&1 ||
    { cat build.log && exit 1; }
ninja -C build -j2 tools/cohort >build.log 2>&1 || { cat build.log && exit 1; }

set -- "$root/lib/ld-linux.so.2" --library-path "$root/lib/i386-linux-gnu:$libraries" \
    build/tools/cohort
"$@" --version >run.log 2>&1 || skip "programs of i386 do not run here: $(cat run.log)"
sh "$hashes" "$@"
