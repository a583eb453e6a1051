/**
 * The parameters of a connection that carry data or open a way, of all that guacd reads: GUAC_RDP_CLIENT_ARGS and
 * GUAC_VNC_CLIENT_ARGS in src/protocols/{rdp,vnc}/settings.c of apache/guacamole-server, read in November 2026. All others
 * concern the picture, the keyboard or the address, or have no effect while these are off. Read the lists again before the
 * gateway is upgraded.
 */
const everyProtocol = {
  'disable-copy': 'true',
  'disable-paste': 'true',
  'enable-sftp': 'false',
  'sftp-disable-download': 'true',
  'sftp-disable-upload': 'true',
  'wol-send-packet': 'false',
};

export const gatewayParameters = {
  rdp: {
    /** Set so in every link, whatever the default is. */
    closed: {
      ...everyProtocol,
      'disable-audio': 'true',
      'console-audio': 'false',
      'enable-audio-input': 'false',
      'enable-drive': 'false',
      'disable-upload': 'true',
      'disable-download': 'true',
      'enable-printing': 'false',
      'static-channels': '',
    },
  },
  vnc: {
    closed: { ...everyProtocol, 'enable-audio': 'false', 'reverse-connect': 'false' },
  },
} as const;
