"""AWS on one machine, loopback only: moto, and a stand-in for each thing the lake needs more."""
