#!/bin/sh
# Four machines on one: network namespaces with addresses of their own, joined by a bridge, in each of which mpirun starts a
# rank. Shared memory and loopback do not reach from one to another, so all that ranks say goes over the network.
#
#   sudo scripts/mpi/namespaces.sh train toy-flow --steps 200 --out runs/four     (Linux, as root)
#   sudo MPI=mpich scripts/mpi/namespaces.sh train toy-flow --steps 200 --out runs/four
#
# RANKS=4 is how many; what follows is given to langevin. Needs iproute2, and Open MPI or MPICH.
set -eu
RANKS=${RANKS:-4}
MPI=${MPI:-openmpi}
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../.." && pwd)
net=10.77.3
bridge=langevin-br

down() {
  i=0
  while [ "$i" -lt "$RANKS" ]; do
    # What a cut connection left behind, too.
    ip netns pids "langevin$i" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
    ip netns del "langevin$i" 2>/dev/null || true
    ip link del "lgv$i" 2>/dev/null || true
    i=$((i + 1))
  done
  ip link del "$bridge" 2>/dev/null || true
}
down
trap 'down; rm -f "${hosts:-}"' EXIT
trap 'exit 130' INT TERM
hosts=$(mktemp)

ip link add "$bridge" type bridge
ip addr add "$net.254/24" dev "$bridge"
ip link set "$bridge" up
i=0
while [ "$i" -lt "$RANKS" ]; do
  ns=langevin$i
  ip netns add "$ns"
  ip link add "lgv$i" type veth peer name eth0 netns "$ns"
  ip link set "lgv$i" master "$bridge" up
  ip -n "$ns" addr add "$net.$((i + 1))/24" dev eth0
  ip -n "$ns" link set eth0 up
  ip -n "$ns" link set lo up
  ip -n "$ns" route add default via "$net.254"
  echo "$net.$((i + 1))" >>"$hosts"
  i=$((i + 1))
done

set -- node --import "$root/node_modules/tsx/dist/loader.mjs" "$root/src/cli/main.ts" "$@"
case $MPI in
openmpi)
  sed -i 's/$/ slots=1/' "$hosts"
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "${MPIRUN:-mpirun.openmpi}" -n "$RANKS" --hostfile "$hosts" \
    --mca plm_rsh_agent "$here/in-namespace.sh" --mca btl tcp,self \
    --mca btl_tcp_if_include "$net.0/24" --mca oob_tcp_if_include "$net.0/24" "$@"
  ;;
mpich)
  "${MPIRUN:-mpirun.mpich}" -n "$RANKS" -f "$hosts" -launcher ssh -launcher-exec "$here/in-namespace.sh" \
    -iface "$bridge" -genv UCX_NET_DEVICES eth0 -genv UCX_TLS tcp,self "$@"
  ;;
*)
  echo "MPI is $MPI; give openmpi or mpich" >&2
  exit 2
  ;;
esac
