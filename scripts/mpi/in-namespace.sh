#!/bin/sh
# What mpirun calls in the place of ssh: in-namespace.sh [options] ADDRESS COMMAND... The last number of the address tells the
# namespace, which gets a host name of its own, as a machine has.
while :; do
  case $1 in
  -*) shift ;;
  *) break ;;
  esac
done
number=$((${1##*.} - 1))
shift
exec ip netns exec "langevin$number" unshare --uts sh -c "hostname langevin$number; $*"
