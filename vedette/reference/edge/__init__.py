"""The faces that a service shows to the network beside plain HTTP: certificates, names, ports, sockets, gRPC, pages."""
