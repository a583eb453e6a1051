import { createHash } from 'node:crypto';

/** The page's only style. Whatever else asks for one is not obeyed: the policy names this text's hash. */
export const PREVIEW_STYLE = `
:root{--ink:#1c2430;--soft:#5b6675;--line:#dfe4ea;--pale:#f5f7f9;--paper:#fff;--block:#b3261e;--ask:#8a5a00;--warn:#1f5fa8;--good:#1d6b3f}
*{box-sizing:border-box}
body{margin:0;background:var(--pale);color:var(--ink);font:14px/1.5 system-ui,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
header{background:var(--paper);border-bottom:1px solid var(--line);padding:16px 24px}
h1{margin:0 0 4px;font-size:17px;font-weight:650;overflow-wrap:anywhere;unicode-bidi:isolate}
header p{margin:0;color:var(--soft)}
.badge{display:inline-block;border-radius:10px;padding:1px 10px;margin-right:8px;color:#fff;font-size:12px;font-weight:600}
.badge.block{background:var(--block)}.badge.ask{background:var(--ask)}.badge.warn{background:var(--warn)}.badge.good{background:var(--good)}.badge.none{background:var(--soft)}
main{padding:16px 24px 40px}
section{background:var(--paper);border:1px solid var(--line);border-radius:8px;margin-bottom:16px;overflow:hidden}
section>h2{margin:0;padding:9px 14px;font-size:13px;font-weight:650;border-bottom:1px solid var(--line);background:var(--paper)}
.note{padding:8px 14px;color:var(--soft);border-top:1px solid var(--line);margin:0}
.findings{list-style:none;margin:0;padding:0}
.findings li{padding:10px 14px;border-left:4px solid var(--line)}
.findings li+li{border-top:1px solid var(--line)}
.findings li.block{border-left-color:var(--block)}.findings li.ask{border-left-color:var(--ask)}.findings li.warn{border-left-color:var(--warn)}
.findings b{font-weight:650}.findings code{color:var(--soft);margin-left:8px}
.findings .where{display:block;color:var(--soft);font-size:13px;overflow-wrap:anywhere}
code,pre,td,.hex{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:12.5px}
.scroll{overflow:auto;max-height:75vh}
table{border-collapse:separate;border-spacing:0}
th,td{border-right:1px solid var(--line);border-bottom:1px solid var(--line);padding:3px 9px;text-align:left;white-space:pre;vertical-align:top;unicode-bidi:isolate}
th{background:var(--pale);color:var(--soft);font-weight:500;font-size:12px;position:sticky}
thead th{top:0;z-index:2}tbody th,thead th:first-child{left:0;z-index:1;text-align:right;user-select:none}thead th:first-child{z-index:3}
tr.head td{font-weight:650;background:#fbfcfd}
td.n{text-align:right;font-variant-numeric:tabular-nums}
td.empty{background:repeating-linear-gradient(135deg,#fff,#fff 4px,#f3f5f7 4px,#f3f5f7 8px)}
td.block,td.ask,td.warn{font-weight:650;outline:2px solid;outline-offset:-2px}
td.block{background:#fdecea;color:var(--block)}td.ask{background:#fff4dc;color:var(--ask)}td.warn{background:#e8f1fc;color:var(--warn)}
td sup{font-size:10px;margin-left:5px;font-family:system-ui,sans-serif}
tr.gap td,td.gap,th.gap{background:var(--pale);color:var(--soft);text-align:center;font-family:inherit;font-style:italic}
.lines{margin:0;padding:0;font-variant-numeric:tabular-nums;list-style:none}
.lines li{display:flex;white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:12.5px}
.lines li::before{content:attr(data-n);flex:none;width:60px;padding:0 12px 0 0;text-align:right;color:#9aa4b0;background:var(--pale);border-right:1px solid var(--line);margin-right:12px;user-select:none}
i.u{font-style:normal;font-size:.82em;background:#fff1b8;border:1px solid #e2c24d;color:#6b5200;border-radius:3px;padding:0 3px;margin:0 1px;white-space:nowrap}
i.tab{font-style:normal;display:inline-block;width:2.5em;color:#b9c1cb}
i.cut{font-style:normal;font-size:.85em;color:var(--soft);background:var(--pale);border:1px solid var(--line);border-radius:8px;padding:0 7px;margin-left:6px;white-space:nowrap}
i.f{font-style:normal;font-size:.85em;color:var(--ask);margin-right:4px}
.lines li.block{background:#fdecea}.lines li.ask{background:#fff4dc}.lines li.warn{background:#e8f1fc}.lines li sup{font-size:10px;margin-left:6px;color:var(--block)}
.note.seen{border-top:0;border-bottom:1px solid var(--line);color:var(--block);font-weight:650}
a{color:#1f5fa8;overflow-wrap:anywhere}
.list table{width:100%}.list thead th:first-child{text-align:left}.list td{white-space:normal;font-family:inherit}.list tbody td:first-child{min-width:180px}.list .badge{margin-right:6px}
figure{margin:0;padding:16px;text-align:center;background:repeating-conic-gradient(#eceff2 0 25%,#fff 0 50%) 0 0/16px 16px}
figure img{max-width:100%;height:auto;box-shadow:0 1px 6px #0003}
.hex{margin:0;padding:12px 14px;overflow:auto;white-space:pre;line-height:1.45}.hex b{color:#9aa4b0;font-weight:400}
section.file>h1{padding:12px 14px 0}section.file>section{margin:0 14px 14px}section.file>.note{border-top:0;padding-top:2px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:0;padding:12px 14px}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
nav{display:flex;flex-wrap:wrap;gap:4px 20px;padding:8px 24px;background:var(--paper);border-bottom:1px solid var(--line)}
@media (max-width:640px){
header,main,nav{padding-left:12px;padding-right:12px}
dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:6px}
.scroll.list{max-height:none}.list thead{display:none}.list table,.list tbody,.list tr,.list td{display:block;border-right:0}
.list td{border-bottom:0;padding:2px 14px}.list td[data-label]::before{content:attr(data-label) ": ";color:var(--soft)}
.list tr{border-bottom:1px solid var(--line);padding:8px 0}.list td.n{text-align:left}
}
@media (prefers-color-scheme:dark){
:root{color-scheme:dark;--ink:#e3e8ee;--soft:#9aa7b6;--line:#323c48;--pale:#141a21;--paper:#1b232c;--block:#ff8a80;--ask:#ffc65c;--warn:#8ab8f2;--good:#7fd3a1}
.badge{color:#10151b}
tr.head td{background:#222c37}
td.empty{background:repeating-linear-gradient(135deg,#1b232c,#1b232c 4px,#222c37 4px,#222c37 8px)}
td.block,.lines li.block{background:#4a2020}td.ask,.lines li.ask{background:#47380f}td.warn,.lines li.warn{background:#1d3553}
i.u{background:#4a3d0c;border-color:#8a7420;color:#ffe08a}
a{color:#8ab8f2}
}
`;

const hash = createHash('sha256').update(PREVIEW_STYLE, 'utf8').digest('base64');

/** Nothing runs, nothing is fetched, nothing is sent: pictures come as data, the style by its hash. */
export const PREVIEW_CONTENT_POLICY = `default-src 'none'; img-src data:; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
