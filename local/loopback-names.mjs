import dns from 'node:dns';

// Names below `localhost` mean this machine (RFC 6761), but not every resolver knows it. The S3 Control client puts the
// account before the name of its endpoint, so the functions of the embedded cloud need such names.
const { lookup } = dns;
dns.lookup = (name, ...rest) => lookup(name.endsWith('.localhost') ? '127.0.0.1' : name, ...rest);
