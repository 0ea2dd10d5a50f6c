/** Bars with their ranges as an SVG that is read on a light page and on a dark one. Pure. */
import type { Metric } from './compare.ts'
import { median } from './numbers.ts'

export type Bar = { name: string; values: number[] }

const [WIDTH, LABELS, FIGURES, ROW, BAR, TOP] = [720, 190, 110, 34, 18, 44]
const STYLE = `text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600}.b{fill:#8c959f}.us{fill:#0969da}.r{stroke:#1f2328}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.b{fill:#6e7681}.us{fill:#4493f8}.r{stroke:#e6edf3}}`

/** Who calls itself Runsheet stands out; who has no figures is left out. */
export function drawBars({ title, unit, better, digits = 0 }: Metric, bars: Bar[]): string {
  const drawn = bars.filter(({ values }) => values.length > 0)
  const most = Math.max(...drawn.flatMap(({ values }) => values), Number.MIN_VALUE)
  const x = (value: number) => LABELS + (value / most) * (WIDTH - LABELS - FIGURES)
  const rows = drawn.map(({ name, values }, index) => {
    const [y, value] = [TOP + index * ROW, median(values)]
    const [from, to, middle] = [x(Math.min(...values)), x(Math.max(...values)), y + BAR / 2]
    return `<text x="${LABELS - 10}" y="${y + 13}" text-anchor="end">${quoted(name)}</text>
<rect class="${name.startsWith('Runsheet') ? 'us' : 'b'}" x="${LABELS}" y="${y}" width="${px(x(value) - LABELS)}" height="${BAR}" rx="2"/>
<path class="r" d="M${px(from)} ${middle}H${px(to)}"/>
<text x="${px(Math.max(to, x(value)) + 8)}" y="${y + 13}">${value.toLocaleString('en', { maximumFractionDigits: digits })} ${quoted(unit)}</text>`
  })
  const height = TOP + drawn.length * ROW
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>${quoted(title)}</title><style>${STYLE}</style>
<text class="t" x="10" y="22">${quoted(title)}, ${quoted(unit)} (${better} is better)</text>
${rows.join('\n')}
</svg>
`
}

const px = (value: number) => Number(value.toFixed(1))
const quoted = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
