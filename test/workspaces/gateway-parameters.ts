/**
 * All parameters that guacd reads: GUAC_RDP_CLIENT_ARGS and GUAC_VNC_CLIENT_ARGS in src/protocols/{rdp,vnc}/settings.c of
 * apache/guacamole-server, read in November 2026. Read the lists again before the gateway is upgraded.
 */
const sftp = `sftp-hostname sftp-host-key sftp-port sftp-timeout sftp-username sftp-password sftp-private-key sftp-passphrase
  sftp-public-key sftp-directory sftp-root-directory sftp-server-alive-interval`;
const everyProtocol = `hostname port username password read-only enable-sftp sftp-disable-download sftp-disable-upload ${sftp}
  disable-copy disable-paste wol-send-packet wol-mac-addr wol-broadcast-addr wol-udp-port wol-wait-time
  recording-path recording-name recording-exclude-output recording-exclude-mouse recording-include-keys
  create-recording-path recording-write-existing color-depth`;
const words = (text: string) => text.trim().split(/\s+/);

export const guacdParameters = {
  rdp: words(`${everyProtocol} timeout domain width height dpi initial-program disable-audio enable-printing printer-name
    enable-drive drive-name drive-path create-drive-path disable-download disable-upload console console-audio
    server-layout security ignore-cert cert-tofu cert-fingerprints disable-auth remote-app remote-app-dir
    remote-app-args static-channels client-name enable-wallpaper enable-theming enable-font-smoothing
    enable-full-window-drag enable-desktop-composition enable-menu-animations disable-bitmap-caching
    disable-offscreen-caching disable-glyph-caching disable-gfx preconnection-id preconnection-blob timezone
    recording-exclude-touch resize-method secondary-monitors enable-audio-input enable-touch gateway-hostname
    gateway-port gateway-domain gateway-username gateway-password load-balance-info clipboard-buffer-size
    force-lossless normalize-clipboard`),
  vnc: words(`${everyProtocol} encodings swap-red-blue cursor autoretry clipboard-encoding clipboard-buffer-size dest-host
    dest-port enable-audio audio-servername reverse-connect listen-timeout force-lossless disable-server-input
    disable-display-resize compress-level quality-level`),
} as const;

/** Parameters that links leave out, by the reason. */
export const omittedParameters: Readonly<Record<string, readonly string[]>> = {
  'without effect while the connection that they describe is off':
    words(`${sftp} wol-mac-addr wol-broadcast-addr wol-udp-port
    wol-wait-time printer-name drive-name drive-path remote-app-dir remote-app-args gateway-port gateway-domain
    gateway-username gateway-password dest-port audio-servername listen-timeout clipboard-buffer-size
    normalize-clipboard clipboard-encoding`),
  'only the picture, its size and its speed': words(`color-depth width height dpi enable-wallpaper enable-theming
    enable-font-smoothing enable-full-window-drag enable-desktop-composition enable-menu-animations
    disable-bitmap-caching disable-offscreen-caching disable-glyph-caching disable-gfx resize-method
    secondary-monitors force-lossless encodings swap-red-blue cursor disable-display-resize compress-level
    quality-level`),
  'only the keyboard, the clock or the patience of the connection':
    words(`server-layout timezone timeout autoretry client-name
    disable-server-input`),
  'accounts of the desktop itself; the certificate is its own': words('domain cert-fingerprints'),
  'set where sessions are recorded':
    words(`recording-path recording-name recording-exclude-output recording-exclude-mouse
    recording-exclude-touch recording-include-keys create-recording-path recording-write-existing`),
};

/** What links say of everything that carries data, runs a program or leads to another machine. */
const closedEverywhere = {
  'read-only': 'false',
  'disable-copy': 'true',
  'disable-paste': 'true',
  'enable-sftp': 'false',
  'sftp-disable-download': 'true',
  'sftp-disable-upload': 'true',
  'wol-send-packet': 'false',
};
export const closedParameters = {
  rdp: {
    ...closedEverywhere,
    security: 'any',
    'disable-auth': 'false',
    'cert-tofu': 'false',
    console: 'false',
    'initial-program': '',
    'remote-app': '',
    'disable-audio': 'true',
    'console-audio': 'false',
    'enable-audio-input': 'false',
    'enable-touch': 'false',
    'enable-drive': 'false',
    'create-drive-path': 'false',
    'disable-upload': 'true',
    'disable-download': 'true',
    'enable-printing': 'false',
    'static-channels': '',
    'gateway-hostname': '',
    'load-balance-info': '',
    'preconnection-id': '',
    'preconnection-blob': '',
  },
  vnc: { ...closedEverywhere, 'enable-audio': 'false', 'reverse-connect': 'false', 'dest-host': '' },
} as const;
