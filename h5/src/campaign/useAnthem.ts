/** The anthem: only where the campaign has a recording, only by a tap, once, never looped, silent while the page is hidden. */
import { onUnmounted, ref } from 'vue'

export function useAnthem(address: string | undefined) {
  const playing = ref(false)
  const failed = ref(false)
  let audio: HTMLAudioElement | null = null

  function stop(): void {
    if (audio) {
      audio.pause()
      audio.currentTime = 0
    }
    playing.value = false
  }

  function toggle(): void {
    if (!address) return
    if (playing.value) return stop()
    if (!audio) {
      audio = new Audio(address)
      audio.loop = false
      audio.onended = stop
      audio.onerror = () => ((failed.value = true), stop())
    }
    playing.value = true
    const started = audio.play() as Promise<void> | undefined
    // Refused by the phone (silent mode policies): the ceremony goes on without sound.
    if (started) started.catch(stop)
  }

  const hidden = () => document.hidden && stop()
  document.addEventListener('visibilitychange', hidden)
  onUnmounted(() => (stop(), document.removeEventListener('visibilitychange', hidden)))
  return { available: !!address, playing, failed, toggle, stop }
}
