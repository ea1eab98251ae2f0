/**
 * 课堂升旗: one ceremony for everybody who stands before the board. Nothing is counted, nothing is sent.
 *
 * Everything comes with the page; the recording is fetched at once and played from memory, so that the line may break. The anthem is
 * played once, only by a tap, never looped, and stops when the page is hidden.
 */
import { after, lasts, type Step, WITHOUT_ANTHEM, WORDS } from './steps'

interface Data {
  title: string
  school: string
  organiser: string
  demo: boolean
  anthem: string
  citizen: string
  citizen_address: string
  teacher: string
  teacher_address: string
}

const data = JSON.parse((document.getElementById('wenming-data') as HTMLElement).textContent || '{}') as Data
const element = (id: string) => document.getElementById(id) as HTMLElement
const [board, head, text, hint, codes] = [element('board'), element('head'), element('text'), element('hint'), element('codes')]
const [go, quiet, full] = [element('go') as HTMLButtonElement, element('quiet') as HTMLButtonElement, element('full') as HTMLButtonElement]
const calm = window.matchMedia('(prefers-reduced-motion: reduce)').matches

let step: Step = 'ready'
let timer = 0
let audio: HTMLAudioElement | null = null

/** The recording, held whole where it may be fetched; else the browser's own player gets it. */
function prepare(): void {
  if (!data.anthem) return
  audio = new Audio()
  audio.preload = 'auto'
  const own = audio
  const request = new XMLHttpRequest()
  request.open('GET', data.anthem)
  request.responseType = 'blob'
  request.onload = () => {
    own.src = request.status === 200 ? URL.createObjectURL(request.response as Blob) : data.anthem
  }
  request.onerror = () => (own.src = data.anthem)
  request.send()
}

function silence(): void {
  if (audio) audio.pause()
}

function code(picture: string, title: string, note: string): string {
  return `<div class="code"><img src="${picture}" alt=""><b>${title}</b><span>${note}</span></div>`
}

function show(next: Step, withAnthem: boolean): void {
  step = next
  window.clearTimeout(timer)
  const words = next === 'rising' && !withAnthem ? WITHOUT_ANTHEM : WORDS[next]
  head.textContent = words.head
  text.textContent = next === 'done' ? '今天在教室里一起升旗敬礼，老师可以按班上报人数。回家以后，也可以自己用微信敬礼。' : words.text
  const seconds = lasts(next, calm, withAnthem && audio && isFinite(audio.duration) ? audio.duration : 0)
  board.style.setProperty('--rise-time', `${seconds}s`)
  void board.offsetWidth // the base is drawn before the motion starts, also when it is seen again
  board.setAttribute('data-step', next)
  codes.hidden = next !== 'done'
  if (next === 'done' && !codes.innerHTML) {
    codes.innerHTML = code(data.citizen, '回家自己敬礼', '微信扫一扫') + code(data.teacher, '老师上报人数', '凭学校的授权码')
  }
  const waits = !seconds
  go.hidden = !waits
  go.textContent = next === 'done' ? '再来一次' : data.anthem ? '奏国歌，升旗' : '开始升旗'
  quiet.hidden = !(next === 'ready' && data.anthem)
  full.hidden = !(next === 'ready' && 'requestFullscreen' in document.documentElement && !document.fullscreenElement)
  hint.textContent = next === 'ready' ? '按空格键或点一下开始。不用登录，不计数，断网也能用。' : ''
  if (seconds) timer = window.setTimeout(() => show(after(next), withAnthem), seconds * 1000)
}

function begin(withAnthem: boolean): void {
  if (step === 'done') {
    silence()
    return show('ready', false)
  }
  if (step !== 'ready') return
  const plays = withAnthem && !!audio
  if (plays && audio) {
    audio.currentTime = 0
    const started = audio.play() as Promise<void> | undefined
    if (started) started.catch(() => null) // no sound on this board: the flag rises all the same
  }
  show('rising', plays)
}

element('title').textContent = data.title + (data.demo ? '（演示）' : '')
element('school').textContent = data.school
go.onclick = () => begin(true)
quiet.onclick = () => begin(false)
full.onclick = () => {
  const asked = document.documentElement.requestFullscreen() as Promise<void> | undefined
  if (asked) asked.then(() => (full.hidden = true)).catch(() => null)
}
document.addEventListener('keydown', (event) => {
  if (event.key !== ' ' && event.key !== 'Enter') return
  // A button that has the focus takes its own key.
  if (document.activeElement instanceof HTMLButtonElement && document.activeElement !== go) return
  event.preventDefault()
  if (!event.repeat) begin(true)
})
document.addEventListener('visibilitychange', () => document.hidden && silence())
prepare()
show('ready', false)
