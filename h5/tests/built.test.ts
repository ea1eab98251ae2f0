// @vitest-environment node
/**
 * What phones get: the citizens' page is built into a temporary folder and its files are read.
 * Oldest engines: Android X5 on Chrome 64, iOS 12. Budgets: 40 KB of JavaScript and 15 KB of CSS gzipped, 300 KB in all.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import ts from 'typescript'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const KB = 1000
/** Added to the language or its library after Chrome 64 or iOS 12. */
const LATER_METHODS = ['flat', 'flatMap', 'fromEntries', 'replaceAll', 'allSettled', 'matchAll', 'trimStart', 'trimEnd', 'at', 'findLast', 'replaceChildren', 'hasOwn']
const LATER_NAMES = ['queueMicrotask', 'structuredClone', 'AbortController', 'WeakRef', 'BigInt', 'PointerEvent', 'IntersectionObserver']
const LATER_CSS = [/inset\s*:/, /aspect-ratio\s*:/, /[^-]\bgap\s*:/, /:is\(/, /:where\(/, /:has\(/, /\b(clamp|min|max)\(/, /backdrop-filter/, /@layer/, /@container/, /oklch|color-mix/]

const folder = mkdtempSync(join(tmpdir(), 'wenming-h5-'))
let names: string[] = []
const text = (name: string) => readFileSync(join(folder, name), 'utf8')
const zipped = (list: string[]) => list.reduce((sum, name) => sum + gzipSync(text(name)).length, 0)
const ending = (end: string) => names.filter((name) => name.endsWith(end))
const one = (name: string, end = 'js') => ending(`.${end}`).filter((file) => file.split('/').pop()!.startsWith(`${name}-`))[0]!
const kinds = () => ending('.js').map((name) => /\/kind-(\w+)-/.exec(name)?.[1]).filter((name): name is string => !!name)
/** What a phone has loaded when a campaign of this kind is open: the first script, the page's own, the kind's. Desks alone load the QR code; sheets follow once somebody has begun. */
const opened = (kind: string) => [one('campaign'), one('main'), one(`kind-${kind}`)]

beforeAll(async () => {
  const before = process.env.NODE_ENV
  process.env.NODE_ENV = 'production' // vitest says "test", and Vue would bring its warnings
  await build({ root: join(import.meta.dirname, '..'), mode: 'citizen', logLevel: 'error', build: { outDir: folder, emptyOutDir: true } })
  process.env.NODE_ENV = before
  names = readdirSync(folder, { recursive: true }).map(String).filter((name) => /\.\w+$/.test(name))
}, 120_000)

afterAll(() => rmSync(folder, { recursive: true }))

function syntaxErrors(code: string): string[] {
  const found: string[] = []
  const source = ts.createSourceFile('built.js', code, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS)
  const visit = (node: ts.Node): void => {
    const later =
      node.kind === ts.SyntaxKind.QuestionDotToken || node.kind === ts.SyntaxKind.QuestionQuestionToken || node.kind === ts.SyntaxKind.BigIntLiteral ||
      ts.isPropertyDeclaration(node) || ts.isPrivateIdentifier(node) || (ts.isCatchClause(node) && !node.variableDeclaration) ||
      (ts.isRegularExpressionLiteral(node) && /\(\?<|\\p\{|\/\w*[sdv]\w*$/.test(node.text)) ||
      (ts.isBinaryExpression(node) && [ts.SyntaxKind.QuestionQuestionEqualsToken, ts.SyntaxKind.BarBarEqualsToken, ts.SyntaxKind.AmpersandAmpersandEqualsToken].includes(node.operatorToken.kind)) ||
      (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) && LATER_METHODS.includes(node.expression.name.text)) ||
      (ts.isIdentifier(node) && LATER_NAMES.includes(node.text) && !ts.isTypeOfExpression(node.parent))
    if (later) found.push(node.getText(source).slice(0, 60))
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

describe('the built citizens\' page', () => {
  it('has scripts that Chrome 64 and iOS 12 can read', () => {
    expect(kinds().sort()).toEqual(readdirSync(join(import.meta.dirname, '../src/campaign/kinds')).sort())
    expect(ending('.js').length).toBe(6 + kinds().length)
    for (const name of ending('.js').filter((file) => file !== one('code'))) expect([name, syntaxErrors(text(name))]).toEqual([name, []])
    for (const later of ['a?.b', 'a ?? b', '1n', 'class A { b = 1 }', 'try {} catch {}', '/(?<=a)b/', 'a ??= b', '[].flat()']) {
      expect(syntaxErrors(later)).not.toEqual([]) // the check itself sees them
    }
  })

  it('has styles that they can read', () => {
    for (const name of ending('.css')) {
      // What stands in @supports is for newer engines only.
      const css = text(name).replace(/@supports[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}/g, '')
      expect(LATER_CSS.filter((one) => one.test(css)).map(String)).toEqual([])
      expect(css).not.toMatch(/dvh|env\(/)
      expect(css).not.toMatch(/user-scalable/)
    }
  })

  it('keeps its budgets', () => {
    for (const kind of kinds()) {
      const sizes = opened(kind).map((name) => gzipSync(text(name)).length)
      expect(sizes.reduce((sum, size) => sum + size), `${kind}: first, main and kind ${sizes.join(' + ')}`).toBeLessThanOrEqual(40 * KB)
    }
    expect(zipped(ending('.css'))).toBeLessThanOrEqual(15 * KB)
    expect(zipped(names)).toBeLessThanOrEqual(300 * KB)
    expect(gzipSync(text('campaign.html')).length).toBeLessThanOrEqual(14 * KB)
  })

  it('shows flag, and keeps the server\'s places to fill', () => {
    const html = text('campaign.html')
    for (const place of ['<!--wenming:head-->', '<!--wenming:noscript-->', '"__WENMING_DATA__"', 'id="main-script"', 'fill="#DE2910"', '/static/noscript.css']) {
      expect(html).toContain(place)
    }
    expect(html).not.toMatch(/<script(?![^>]*(src=|application\/json))/) // the content policy allows no inline script
    expect(html).not.toMatch(/ style=| on\w+="/)
    expect(Number(/data-bytes="(\d+)"/.exec(html)![1])).toBe(Buffer.byteLength(text(one('main'))))
    const named = JSON.parse(/data-kinds='([^']+)'/.exec(html)![1]!) as Record<string, [string, string]>
    for (const kind of kinds()) expect(named[kind]![0]).toBe(`/static/${one(`kind-${kind}`)}`)
  })

  it('asks nobody to share for anything', () => {
    for (const name of names.filter((file) => /\.(js|html)$/.test(file))) {
      expect(text(name)).not.toMatch(/分享后|转发后|集赞|抽奖|必转|不转不是|排行榜|邀请好友/)
    }
  })
})
