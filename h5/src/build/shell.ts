/**
 * Build-time filling of campaign.html: the flag from its geometry and the dawn's skyline, so that both are there
 * before any script runs, and the main script's address with its size, for a loading bar that counts real bytes.
 */
import type { Plugin } from 'vite'
import { flagSvg } from '../flag/geometry.ts'
import { skyline } from './skyline.ts'

const MAIN = '<!--build:main-->'

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
        const [main, code] = [address('main'), address('code')]
        if (!main || !code) return filled.replace(MAIN, '')
        // Shared pieces would be fetched uncounted: the page's code is one file.
        if (main.imports.length) throw new Error(`the main script must stand alone, it imports ${main.imports.join(', ')}`)
        return filled.replace(
          MAIN,
          `<link rel="preload" as="fetch" crossorigin id="main-script" href="/static/${main.fileName}"` +
            ` data-bytes="${Buffer.byteLength(main.code)}" data-code="/static/${code.fileName}">`,
        )
      },
    },
  }
}

/** The page's styles inside it: 5 KB in the first flight save a round trip before anything is seen. */
function withStyles(html: string, files: { fileName: string; type: string; source?: string | Uint8Array }[]): string {
  return html.replace(/<link rel="stylesheet"[^>]*href="\/static\/([^"]+\.css)"[^>]*>/g, (link, name: string) => {
    const file = files.find((one) => one.fileName === name)
    return file && typeof file.source === 'string' && !link.includes('noscript') ? `<style>${file.source}</style>` : link
  })
}
