/** Builds every page into ../assets/h5: the citizens' page first (it empties the folder), the classroom's, then the others together; then packs. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { pack } from './pack.mjs'

await build({ mode: 'citizen' })
await build({ mode: 'class' })
if (['phone', 'screen', 'console'].some((name) => existsSync(new URL(`${name}.html`, import.meta.url)))) {
  await build({ mode: 'pages' })
}
pack(fileURLToPath(new URL('../assets/h5', import.meta.url)))
