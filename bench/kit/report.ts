/** Results as a table, as charts, and in the section of README.md that is theirs, between its two markers. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { cpus, release } from 'node:os'
import path from 'node:path'
import { drawBars } from './chart.ts'
import type { Comparison, Metric, Results } from './compare.ts'
import { median } from './numbers.ts'

const BENCH = path.join(import.meta.dirname, '..')
const README = path.join(BENCH, 'README.md')

/** Prints all; `keep`: also into README.md and `charts/`. */
export async function publish(
  comparison: Comparison,
  results: Results,
  { rounds, keep }: { rounds: number; keep: boolean },
): Promise<void> {
  const { name, metrics, figuresDown, judge } = comparison
  const values = (competitor: string, { key }: Metric) =>
    (results.get(competitor) ?? []).map((sample) => sample[key]).filter((value) => value !== undefined)
  const heads = metrics.map(({ title, unit }) => `${title}, ${unit}`)
  const names = [...results.keys()]
  const cell = (competitor: string, metric: Metric) => range(values(competitor, metric), metric)
  const figures = figuresDown
    ? table(
        ['', ...names],
        metrics.map((metric, index) => [heads[index] ?? '', ...names.map((each) => cell(each, metric))]),
      )
    : table(
        ['', ...heads],
        names.map((each) => [each, ...metrics.map((metric) => cell(each, metric))]),
      )
  const medians = (competitor: string, key: string) =>
    median((results.get(competitor) ?? []).map((sample) => sample[key]).filter((value) => value !== undefined))
  const verdicts = judge?.(medians) ?? []
  const charts = metrics.filter(({ chart }) => chart)
  const text = [
    `Node ${process.versions.node}, Linux ${release()}, ${cpus().length} cores; median (min–max) of ${rounds} rounds.`,
    figures,
    ...(verdicts.length > 0
      ? [
          table(
            ['goal', 'measured', ''],
            verdicts.map(({ goal, reached, met }) => [goal, reached, met ? 'met' : '**missed**']),
          ),
        ]
      : []),
    ...charts.map(({ title, key }) => `![${title}](charts/${name}-${key}.svg)`),
  ].join('\n\n')
  console.log(text)
  if (!keep) return
  await mkdir(path.join(BENCH, 'charts'), { recursive: true })
  for (const metric of charts) {
    const bars = names.map((competitor) => ({ name: competitor, values: values(competitor, metric) }))
    await writeFile(path.join(BENCH, 'charts', `${name}-${metric.key}.svg`), drawBars(metric, bars))
  }
  await insert(name, text)
  await comparison.conclude?.(medians)
}

/** `file`: README.md unless told. @throws Error when it has no such section */
export async function insert(name: string, text: string, file = README): Promise<void> {
  const readme = await readFile(file, 'utf8')
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${file} has no section ${begin}`)
  await writeFile(file, `${readme.slice(0, from + begin.length)}\n${text}\n${readme.slice(to)}`)
}

export const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

export const figure = (value: number, digits = 0): string =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })

function range(values: number[], { digits }: Metric): string {
  if (values.length === 0) return '–'
  const [least, most] = [Math.min(...values), Math.max(...values)]
  return `${figure(median(values), digits)} (${figure(least, digits)}–${figure(most, digits)})`
}
