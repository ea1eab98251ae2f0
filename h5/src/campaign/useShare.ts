/** The share card through WeChat's JS-SDK. Any failure leaves WeChat's plain card: the page itself never waits for it. */
import { get } from '../api'
import { shareLink, signedAddress } from './links'
import type { PageData } from './types'

interface Wx {
  config(options: Record<string, unknown>): void
  ready(then: () => void): void
  error(then: (problem: unknown) => void): void
  previewImage(options: { current: string; urls: string[] }): void
  updateAppMessageShareData(card: Record<string, string>): void
  updateTimelineShareData(card: Record<string, string>): void
}

interface Signature {
  appId: string
  timestamp: number
  nonceStr: string
  signature: string
}

const USED = ['updateAppMessageShareData', 'updateTimelineShareData', 'previewImage']

const wx = () => (window as unknown as { wx?: Wx }).wx
let ready = false

/** Recorded as the module loads: iOS signs the address with which the visit began. */
const entry = signedAddress(location.href)

function script(address: string): Promise<void> {
  return new Promise((loaded, refused) => {
    const element = document.createElement('script')
    element.src = address
    element.async = true
    element.onload = () => loaded()
    element.onerror = () => refused(new Error('jweixin could not be loaded'))
    document.head.appendChild(element)
  })
}

export function useShare(data: PageData): void {
  if (!data.in_wechat || !data.jweixin) return
  Promise.all([script(data.jweixin), get<Signature>(`/api/v1/jssdk?url=${encodeURIComponent(entry)}`)])
    .then(([, signature]) => configure(data, signature))
    .catch((problem) => console.warn('share card not set:', problem))
}

function configure(data: PageData, signature: Signature): void {
  const sdk = wx()
  if (!sdk) return
  const { title, share } = data.campaign
  const link = shareLink(entry)
  const imgUrl = share.image ? new URL(share.image, location.href).href : ''
  sdk.config({ ...signature, debug: false, jsApiList: USED })
  sdk.error((problem) => console.warn('JS-SDK refused:', problem))
  sdk.ready(() => {
    ready = true
    sdk.updateAppMessageShareData({ title: share.title || title, desc: share.desc || '', link, imgUrl })
    // The timeline shows no description: the title says it all.
    sdk.updateTimelineShareData({ title: share.title || title, link, imgUrl })
  })
}

/** Shows an image in WeChat's own viewer. False where that is not to be had. */
export function previewed(address: string): boolean {
  const sdk = wx()
  if (!ready || !sdk) return false
  sdk.previewImage({ current: address, urls: [address] })
  return true
}
