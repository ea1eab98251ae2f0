// @vitest-environment node
/** What a classroom's board gets: one page whose own scripts Chrome 64 can read, small, and whole once it is loaded. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { flagSvg } from '../src/flag/geometry'

/** Text, code and styles of a page that an old board loads over a school's line. */
const MOST_SCRIPT_BYTES = 5_000
const folder = mkdtempSync(join(tmpdir(), 'wenming-class-'))
let names: string[] = []
const text = (name: string) => readFileSync(join(folder, name), 'utf8')
const scripts = () => names.filter((name) => name.endsWith('.js'))

beforeAll(async () => {
  const before = process.env.NODE_ENV
  process.env.NODE_ENV = 'production'
  await build({ root: join(import.meta.dirname, '..'), mode: 'class', logLevel: 'error', build: { outDir: folder, emptyOutDir: true } })
  process.env.NODE_ENV = before
  names = readdirSync(folder, { recursive: true }).map(String).filter((name) => /\.\w+$/.test(name))
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true }))

describe('the built page of a classroom', () => {
  it('is one page and one small script', () => {
    expect(names.filter((name) => name.endsWith('.html'))).toEqual(['class.html'])
    expect(scripts()).toHaveLength(1)
    expect(gzipSync(text(scripts()[0]!)).length).toBeLessThanOrEqual(MOST_SCRIPT_BYTES)
  })

  it('is written for Chrome 64', () => {
    const code = text(scripts()[0]!)
    expect(code).not.toMatch(/\?\.[a-zA-Z[(]|\?\?|\bcatch\s*\{|\.(replaceAll|flat|at|allSettled|matchAll)\(|\bimport\(/)
    expect(text('class.html')).not.toMatch(/[^-]\bgap\s*:|aspect-ratio\s*:|\b(clamp|min|max)\(|inset\s*:|:is\(|:has\(|dvh/)
  })

  it('has the flag as the law draws it, in the page itself, and the server\'s places to fill', () => {
    const html = text('class.html')
    expect(html).toContain(flagSvg('class="flag" id="flag" data-testid="flag"'))
    expect(html).not.toMatch(/\.flag\s*\{[^}]*(filter|opacity|transform)/)
    for (const place of ['<!--wenming:title-->', '"__WENMING_DATA__"']) expect(html).toContain(place)
    expect(html).not.toMatch(/<script(?![^>]*(src=|application\/json))/)
  })

  it('plays the anthem once, never over and over, and asks for nothing later', () => {
    const code = text(scripts()[0]!)
    expect(code).not.toMatch(/\.loop\s*=\s*(!0|true)|autoplay/)
    expect(code.match(/\.open\(/g)).toHaveLength(1) // the recording, at the start
    expect(code).not.toMatch(/fetch\(|WebSocket|localStorage|sendBeacon/)
  })
})
