/** Builds every page into ../assets/h5: the citizens' page first (it empties the folder), then the others together. */
import { existsSync } from 'node:fs'
import { build } from 'vite'

await build({ mode: 'citizen' })
if (['phone', 'screen', 'console'].some((name) => existsSync(new URL(`${name}.html`, import.meta.url)))) {
  await build({ mode: 'pages' })
}
