/**
 * The first script: loads the page's main script and that of the campaign's kind, and shows how much of them is there, in real bytes.
 *
 * The scene, the title and what to do are in the HTML already. After three seconds the bar can be put away; the
 * rest still comes. A load that fails is tried again by itself, then by a tap.
 */
const SKIP_MILLISECONDS = 3_000
/** On a fast line nothing should flash up. */
const SHOW_MILLISECONDS = 250
const TRIES = 3

const element = (id: string) => document.getElementById(id) as HTMLElement
const link = document.getElementById('main-script') as HTMLLinkElement | null
const [box, bar, word, button] = [element('boot'), element('boot-bar'), element('boot-word'), element('boot-button')]
const data = JSON.parse(element('wenming-data').textContent!)
const name = (data && data.campaign.kind) || 'salute'

function progress(bytes: number, total: number): void {
  const part = Math.min(1, bytes / total)
  bar.style.transform = `scaleX(${part})`
  word.textContent = `正在准备 ${Math.floor(part * 100)}%`
}

/** The development server names no built script. */
const developing = () => (import.meta.env.DEV ? import(/* @vite-ignore */ `${import.meta.env.BASE_URL}src/campaign/kinds/${name}/index.ts`) : Promise.reject(new Error('scripts not named')))

/** Brings the script into the cache, counting. The import after it finds it there. */
function fetched(address: string, total: number): Promise<void> {
  return new Promise((loaded, refused) => {
    const request = new XMLHttpRequest()
    request.open('GET', address)
    request.onprogress = (event) => progress(event.loaded, total)
    request.onload = () => (request.status === 200 ? loaded() : refused(new Error(`script ${request.status}`)))
    request.onerror = request.ontimeout = () => refused(new Error('script not loaded'))
    request.send()
  })
}

/** The kind's own styles. Without them the page is plain and works. */
function dressed(styles: string): Promise<unknown> {
  return new Promise((loaded) => {
    const sheet = document.createElement('link')
    sheet.rel = 'stylesheet'
    sheet.onload = sheet.onerror = loaded
    sheet.href = styles
    document.head.appendChild(sheet)
  })
}

/** The kind's script imports the main one, which the browser has by then: only the big one is counted. */
async function loaded(): Promise<typeof import('./kinds/salute/index.ts')> {
  if (!link) return developing()
  const [address, styles] = JSON.parse(link.getAttribute('data-kinds')!)[name]
  await Promise.all([fetched(link.href, Number(link.getAttribute('data-bytes'))), fetch(address), styles && dressed(styles)])
  return import(/* @vite-ignore */ address)
}

function offer(text: string, label: string, tapped: () => void): void {
  word.textContent = text
  button.textContent = label
  button.hidden = false
  button.onclick = tapped
}

async function start(tries: number): Promise<void> {
  try {
    const { mount, kind } = await loaded()
    mount(kind)
    clearTimeout(showing)
    clearTimeout(skipping)
    box.hidden = true
  } catch (problem) {
    console.warn(problem)
    if (tries < TRIES) return void setTimeout(() => void start(tries + 1), 1000 * tries * (1 + Math.random()))
    box.hidden = false
    offer('网络不给力', '点击重试', () => location.reload())
  }
}

document.documentElement.classList.add('js')
const showing = setTimeout(() => (box.hidden = false), SHOW_MILLISECONDS)
const skipping = setTimeout(() => offer(word.textContent || '', '跳过', () => (box.hidden = true)), SKIP_MILLISECONDS)
void start(1)
