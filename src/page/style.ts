// How the page looks, and its one script. The page forbids every other style and script by
// the hashes that stand here; the unit test compares them.

/** Light and dark by the reader's settings. On a narrow screen a row of a table becomes a card. */
export const STYLE = `
:root{color-scheme:light dark;--text:#1f2328;--paper:#fff;--box:#f6f8fa;--line:#d1d9e0;--dim:#59636e;--ok:#1a7f37;--warn:#7d4e00;--fail:#b42318;--ink:#0969da}
@media(prefers-color-scheme:dark){:root{--text:#f0f6fc;--paper:#0d1117;--box:#151b23;--line:#3d444d;--dim:#9198a1;--ok:#3fb950;--warn:#d29922;--fail:#ff7b72;--ink:#58a6ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1rem;font:16px/1.5 system-ui,sans-serif;color:var(--text);background:var(--paper);overflow-wrap:anywhere}
h1{font-size:1.4rem;margin:0}
h2{font-size:1.15rem;margin:2rem 0 .5rem}
p{margin:.5rem 0}
ul{list-style:none;margin:0;padding:0}
li{padding:.35rem 0;border-top:1px solid var(--line)}
.dim{color:var(--dim);font-size:.875rem}
.ok{color:var(--ok)}.warn{color:var(--warn)}.fail{color:var(--fail)}
code,.advice{font:.8125rem/1.5 ui-monospace,monospace;background:var(--box);border-radius:4px;padding:.1rem .3rem}
code{user-select:all}
table{width:100%;border-collapse:collapse}
thead th{font-size:.875rem;white-space:nowrap}
th,td{padding:.35rem .5rem;text-align:left;vertical-align:top;border-top:1px solid var(--line)}
th .dim{display:block;font-weight:400}
.n{text-align:right;white-space:nowrap}
.more td{border:0;padding-top:0;font-size:.875rem}
svg{display:block;width:100%;min-width:6rem;height:2.5rem}
path{fill:none;stroke:var(--ink);stroke-width:1.5;vector-effect:non-scaling-stroke}
path.bars{stroke-width:3}
@media(max-width:40rem){
.cards thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.cards,.cards tbody{display:block}
.cards tr{display:flex;flex-wrap:wrap;border-top:1px solid var(--line);padding:.35rem 0}
.cards tr.more{border:0;padding-top:0}
.cards th,.cards td{border:0;padding:.1rem .5rem .1rem 0;flex:1 0 100%;text-align:left}
.cards td[data-label]{flex:0 1 auto}
.cards td[data-label]::before{content:attr(data-label) " ";color:var(--dim);font-size:.875rem}
}
`;

/**
 * Fetches the page again and again, and puts its new content in place of the old: a whole
 * reload would lose what is selected, and would end with the first answer that does not
 * come. It waits while something is selected. A status is set only if it is another one,
 * because it is read aloud whenever it is set.
 */
export const SCRIPT = `
const main = () => document.querySelector("main");
const [state, pause] = ["state", "pause"].map((id) => document.getElementById(id));
pause.parentNode.hidden = false;
const say = (text) => state.textContent === text || (state.textContent = text);
const again = () => setTimeout(refresh, 1000 * main().dataset.seconds);
async function refresh() {
  if (!pause.checked && getSelection().isCollapsed)
    try {
      const answer = await fetch("", { signal: AbortSignal.timeout(10000) });
      const text = await answer.text();
      const next = new DOMParser().parseFromString(text, "text/html").querySelector("main");
      if (!answer.ok || !next) throw 0;
      main().replaceWith(next);
      say("");
    } catch {
      say("The node does not answer. This is what it said before.");
    }
  again();
}
again();
`;

/** What base64 makes of their SHA-256. */
export const STYLE_HASH = "RYI2CmNf+xsgztAr0W+0Ikvp+uFB5CgYrGMWGbLb3as=";
export const SCRIPT_HASH = "zZgSnBczIKMQjDJR3NJtzGaXiL/1wCLjiX0lJWVsnuo=";
