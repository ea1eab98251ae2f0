/**
 * Build-time filling of campaign.html: the flag from its geometry and the dawn's skyline, so that both are there
 * before any script runs, and the main script's address with its size, for a loading bar that counts real bytes.
 */
import type { Plugin } from 'vite'
import { flagSvg } from '../flag/geometry.ts'
import { skyline } from './skyline.ts'

const MAIN = '<!--build:main-->'
// The console's styles are many times this, and kept by the browser as a file of their own.
const MAX_INLINE_STYLE = 32 * 1024

export function campaignShell(): Plugin {
  return {
    name: 'campaign-shell',
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle }) {
        const filled = withStyles(html, Object.values(bundle || {}))
          .replace('<!--build:flag-->', () => flagSvg('class="flag" id="flag" data-testid="flag"'))
          .replace('<!--build:skyline-->', skyline)
        const chunks = Object.values(bundle || {}).filter((file) => file.type === 'chunk')
        const address = (name: string) => chunks.filter((chunk) => chunk.isEntry && chunk.name === name)[0]
        const [main, code, later, turned, told] = [address('main'), address('code'), address('later'), address('turned'), address('told')]
        if (!main || !code || !later || !turned || !told) return filled.replace(MAIN, '')
        // Shared pieces would be fetched uncounted: the page's code is one file.
        if (main.imports.length) throw new Error(`the main script must stand alone, it imports ${main.imports.join(', ')}`)
        // The server makes a script of it on the pages that tell how they felt; on the others it stays a comment.
        return filled.replace('<!--build:told-->', `<!--told /static/${told.fileName} told-->`).replace(
          MAIN,
          `<link rel="preload" as="fetch" crossorigin id="main-script" href="/static/${main.fileName}"` +
            ` data-bytes="${Buffer.byteLength(main.code)}" data-code="/static/${code.fileName}" data-later="/static/${later.fileName}" data-turned="/static/${turned.fileName}" data-kinds='${JSON.stringify(kinds(chunks))}'>`,
        )
      },
    },
  }
}

interface Chunk { isEntry: boolean; name: string; fileName: string; code: string; viteMetadata?: { importedCss: Set<string> } }

/** Where each kind's script and styles are: name -> [script, styles or ""]. */
function kinds(chunks: Chunk[]): Record<string, [string, string]> {
  return Object.fromEntries(chunks.filter((chunk) => chunk.isEntry && chunk.name.startsWith('kind-')).map((chunk) => {
    const [css] = [...(chunk.viteMetadata ? chunk.viteMetadata.importedCss : [])]
    return [chunk.name.slice('kind-'.length), [`/static/${chunk.fileName}`, css ? `/static/${css}` : '']]
  }))
}

/** The page's styles inside it: 5 KB in the first flight save a round trip before anything is seen. */
function withStyles(html: string, files: { fileName: string; type: string; source?: string | Uint8Array }[]): string {
  return html.replace(/<link rel="stylesheet"[^>]*href="\/static\/([^"]+\.css)"[^>]*>/g, (link, name: string) => {
    const file = files.find((one) => one.fileName === name)
    return file && typeof file.source === 'string' && file.source.length <= MAX_INLINE_STYLE && !link.includes('noscript') ? `<style>${file.source}</style>` : link
  })
}
