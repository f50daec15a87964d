// The look of the report: the reader's scheme of colours, one column on a phone, paper in print.

export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f6f8fa; --text: #1f2328; --quiet: #59636e; --rule: #d1d9e0; --link: #0969da;
  --pass: #1a7f37; --plausible: #9a6700; --wrong: #cf222e; --line: #8c959f;
  --b32: #2da44e2e; --bmid: #2da44e18; --b16: #0969da26; --bbf: #8250df24; --bclaim: #bf3989;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0d1117; --raised: #151b23; --text: #e6edf3; --quiet: #9198a1; --rule: #3d444d; --link: #4493f8;
    --pass: #3fb950; --plausible: #d29922; --wrong: #ff6b62; --line: #7d8590;
    --b32: #2ea04340; --bmid: #2ea04322; --b16: #388bfd38; --bbf: #a371f733; --bclaim: #f778ba;
  }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1040px; padding: 20px; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', sans-serif; overflow-wrap: anywhere }
h1 { font-size: 24px; line-height: 1.25; margin: 4px 0 12px } h2 { font-size: 18px; margin: 0 }
h3 { font-size: 15px; margin: 20px 0 6px }
p { margin: 6px 0 } a { color: var(--link) } code { font: 13px ui-monospace, Menlo, Consolas, monospace }
.badge { display: inline-block; padding: 2px 12px; border-radius: 999px; color: var(--ground); font-weight: 600;
  margin-right: 8px }
.badge.pass { background: var(--pass) } .badge.fail { background: var(--wrong) }
.about { color: var(--quiet); font-size: 13px }
section { margin: 28px 0 }
.causes { list-style: none; padding: 0; margin: 8px 0 }
.causes li { border-left: 4px solid var(--wrong); background: var(--raised); padding: 8px 12px; margin: 8px 0 }
.causes meter { width: 90px; vertical-align: middle; margin: 0 8px }
#chart { border-radius: 6px; cursor: crosshair; touch-action: pan-y }
svg { display: block; max-width: 100%; height: auto }
svg text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: var(--text) }
svg .tick, svg .axis { font-size: 11px; fill: var(--quiet) }
svg .band-name { font-size: 11px; fill: var(--quiet); stroke: var(--ground); stroke-width: 3px; stroke-opacity: .6;
  paint-order: stroke }
svg.narrow { display: none }
.grid { stroke: var(--rule); stroke-width: .5; fill: none } .stage { fill: var(--text); opacity: .04 }
.band-float32 { fill: var(--b32) } .band-plausible { fill: var(--bmid) } .band-float16 { fill: var(--b16) }
.band-bfloat16 { fill: var(--bbf) }
.band-claim { fill: none; stroke: var(--bclaim); stroke-width: 1.2; stroke-dasharray: 4 3 }
.line { fill: none; stroke: var(--line); stroke-width: 1; opacity: .7 }
.mark-pass { fill: var(--pass) } .mark-plausible { fill: var(--plausible) }
.mark-wrong { fill: none; stroke: var(--wrong); stroke-width: 2 }
.first-line { stroke: var(--wrong); stroke-width: 1.2 } svg .first-label { fill: var(--wrong); font-weight: 600 }
.cursor { stroke: var(--link); stroke-width: 1; stroke-dasharray: 2 3 }
.ring { fill: none; stroke: var(--link); stroke-width: 2 }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 12px; color: var(--quiet); padding: 0;
  margin: 4px 0; list-style: none }
.legend svg { display: inline; vertical-align: -2px; margin-right: 4px }
#brief { display: block; min-height: 1.5em; font-size: 13px; color: var(--quiet) }
#panel { border: 1px solid var(--rule); border-radius: 8px; padding: 14px 16px; scroll-margin-top: 8px }
.panel-head { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; justify-content: space-between }
button, input { font: inherit; font-size: 13px; color: var(--text); background: var(--raised);
  border: 1px solid var(--rule); border-radius: 6px; padding: 6px 12px; min-height: 34px }
button { cursor: pointer } button:disabled { opacity: .45; cursor: default }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
.verdict { font-weight: 600 }
.v-pass { color: var(--pass); fill: var(--pass) } .v-plausible { color: var(--plausible); fill: var(--plausible) }
.v-wrong { color: var(--wrong); fill: var(--wrong) }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(290px, 1fr)); gap: 2px 24px; margin: 8px 0;
  font-size: 13px }
dl div { display: flex; justify-content: space-between; gap: 12px; border-bottom: 1px dotted var(--rule) }
dt { color: var(--quiet) } dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); gap: 20px; margin-top: 14px }
figure { margin: 0 } figcaption { font-size: 12px; color: var(--quiet); margin-top: 6px }
figure canvas { display: block; width: 100%; max-height: 300px; image-rendering: pixelated;
  border: 1px solid var(--rule) }
figure canvas.scale { display: inline-block; width: 72px; height: 10px; max-height: none; image-rendering: auto;
  vertical-align: -1px }
.ramp { white-space: nowrap } .readout { display: block }
.histogram .bar { opacity: .75 } .own { fill: none; stroke: var(--text); stroke-width: 1.2; opacity: .8 }
.key { display: inline-block; width: 12px; height: 10px; vertical-align: -1px }
.bar-key { background: currentColor; opacity: .75 } .own-key { border: 1.5px solid var(--text); border-bottom: 0 }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: 13px }
th, td { text-align: left; padding: 4px 8px; border-bottom: 1px solid var(--rule); vertical-align: top }
thead th { color: var(--quiet); font-weight: 600 } tbody th { font-weight: 400 }
.n { text-align: right; font-variant-numeric: tabular-nums }
td.n { white-space: nowrap } #layers td { white-space: nowrap }
tr.first { background: var(--raised); box-shadow: inset 4px 0 var(--wrong) }
#layers a { color: inherit; text-decoration: none } .js #layers a { color: var(--link) }
#layers a[aria-current] { font-weight: 700 } #layers a:hover { text-decoration: underline }
.tall { max-height: 420px; overflow: auto; border: 1px solid var(--rule); border-radius: 8px }
.tall thead th { position: sticky; top: 0; background: var(--raised) }
.tools { display: flex; justify-content: space-between; align-items: center; gap: 12px; flex-wrap: wrap;
  margin-bottom: 8px }
.needs-js { display: none } .js .needs-js { display: revert }
details { margin: 8px 0 } summary { cursor: pointer }
.names { font-size: 13px; columns: 2 280px; padding-left: 20px }
@media (max-width: 640px) {
  body { padding: 12px } h1 { font-size: 20px }
  svg.wide { display: none } svg.narrow { display: block } .extra { display: none }
  dl { grid-template-columns: 1fr } #panel { padding: 12px } th, td { padding: 5px 6px }
  button, input { min-height: 42px }
}
@media print {
  :root { --ground: #fff; --raised: #f6f8fa; --text: #000; --quiet: #444; --rule: #bbb; --link: #000;
    --pass: #1a7f37; --plausible: #7d5200; --wrong: #b00020; --line: #777; --b32: #2da44e2e; --bmid: #2da44e18;
    --b16: #0969da26; --bbf: #8250df24 }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact }
  body { max-width: none; padding: 0; font-size: 11px } button, .tools input { display: none }
  .tall { max-height: none; overflow: visible; border: 0 } .tall thead th { position: static }
  table { font-size: 9px } tr, figure, .causes li { break-inside: avoid } thead { display: table-header-group }
}
`;
