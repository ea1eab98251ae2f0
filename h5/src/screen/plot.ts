/** The curve, drawn by ECharts: of it only lines, columns, the grid and the canvas. Loaded after the figures stand. */
import { BarChart, LineChart } from 'echarts/charts'
import { GridComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { clockOf, grouped } from './figures'

use([LineChart, BarChart, GridComponent, CanvasRenderer])

export interface Shape {
  /** Seconds since 1970, minute by minute; the last one is still running where `running` is set. */
  minutes: number[]
  today: (number | null)[]
  yesterday: (number | null)[]
  running: number | null
  top: number
}

export interface Plot {
  draw(shape: Shape): void
  resize(): void
  end(): void
}

const LINE = '#22304a'
const LABEL = '#9db0c8'

export function plot(element: HTMLElement, colour: () => string): Plot {
  const chart = init(element, null, { renderer: 'canvas' })
  let last: Shape | null = null

  function draw(shape: Shape) {
    last = shape
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) || 10
    const count = shape.minutes.length
    const text = { color: LABEL, fontSize: 2.2 * rem, fontFamily: getComputedStyle(element).fontFamily }
    const columns = shape.minutes.map((_, i) => (i === count - 1 ? shape.running : null))
    chart.setOption({
      animation: false,
      grid: { left: 9.6 * rem, right: 1.6 * rem, top: 1.4 * rem, bottom: 4 * rem },
      xAxis: {
        type: 'category', data: shape.minutes.map(String), axisTick: { show: false }, axisLine: { lineStyle: { color: LABEL, width: 0.15 * rem } },
        axisLabel: { ...text, margin: 1 * rem, interval: (i: number) => shape.minutes[i]! % 1800 === 0 && i < count * 0.94,
                     formatter: (at: string) => clockOf(Number(at) * 1000).slice(0, 5) },
      },
      yAxis: {
        type: 'value', min: 0, max: shape.top, interval: shape.top / 2, splitLine: { lineStyle: { color: LINE, width: 0.15 * rem } },
        axisLabel: { ...text, margin: 1.4 * rem, formatter: (n: number) => grouped(n) },
      },
      series: [
        { type: 'line', data: shape.yesterday, showSymbol: false, silent: true, z: 1,
          lineStyle: { color: LABEL, width: 0.25 * rem, opacity: 0.75, type: [0.8 * rem, 0.6 * rem] } },
        { type: 'line', data: shape.today, showSymbol: false, silent: true, z: 2, lineStyle: { color: colour(), width: 0.4 * rem, join: 'round' },
          areaStyle: { color: colour(), opacity: 0.2 } },
        { type: 'bar', data: columns, silent: true, z: 3, barWidth: 1.1 * rem, itemStyle: { color: colour() } },
      ],
    }, { lazyUpdate: true })
  }

  return {
    draw,
    resize() {
      chart.resize()
      if (last) draw(last)
    },
    end: () => chart.dispose(),
  }
}
