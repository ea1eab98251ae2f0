/** Packs built files once, so that nginx (gzip_static) sends them without packing: `name.js.gz` beside `name.js`. Only what gets smaller. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants, gzipSync } from 'node:zlib'

/** Texts; pictures, fonts and sound are packed in themselves. The same as COMPRESSED in handlers/pages.py. */
const PACKED = /\.(js|css|html|svg|json|txt)$/

/** Returns how many were written. Ones of an earlier build are removed first. */
export function pack(folder) {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name))
  for (const name of names.filter((one) => one.endsWith('.gz'))) rmSync(name)
  let written = 0
  for (const name of names.filter((one) => PACKED.test(one))) {
    const data = readFileSync(name)
    const packed = gzipSync(data, { level: constants.Z_BEST_COMPRESSION })
    if (packed.length < data.length) {
      writeFileSync(`${name}.gz`, packed)
      written += 1
    }
  }
  return written
}
