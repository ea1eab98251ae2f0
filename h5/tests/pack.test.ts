/** What the build packs for nginx. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { pack } from '../pack.mjs'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pack-'))
  mkdirSync(join(folder, 'assets'))
})
afterEach(() => rmSync(folder, { recursive: true }))

it('packs texts that get smaller, in every folder, and nothing else', () => {
  const script = 'console.log(1)\n'.repeat(100)
  writeFileSync(join(folder, 'assets/main.js'), script)
  writeFileSync(join(folder, 'page.html'), '<p>'.repeat(100))
  writeFileSync(join(folder, 'short.css'), 'a{}')
  writeFileSync(join(folder, 'card.jpg'), 'x'.repeat(1000))
  expect(pack(folder)).toBe(2)
  expect(readdirSync(folder).sort()).toEqual(['assets', 'card.jpg', 'page.html', 'page.html.gz', 'short.css'])
  expect(gunzipSync(readFileSync(join(folder, 'assets/main.js.gz'))).toString()).toBe(script)
})

it('leaves no packed file of an earlier build', () => {
  writeFileSync(join(folder, 'assets/gone.js.gz'), 'old')
  expect(pack(folder)).toBe(0)
  expect(readdirSync(join(folder, 'assets'))).toEqual([])
})
