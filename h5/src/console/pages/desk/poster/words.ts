import { both } from '../../../frame/words'

export const words = both(
  {
    builtIn: '现在用内置海报', builtInTeach: '从内置海报开始，移动、改字、换图都可以；国旗和二维码的规矩由系统守着。设计存在草稿里，审核发布后才生效。', begin: '从内置海报开始设计', drop: '改回内置海报', dropAsk: '设计会从草稿里去掉，仍可撤销或从版本里找回。', dropped: '已改回内置海报',
    canvas: '海报画布：用方向键移动选中的图层，Shift 加方向键移动 10，Alt 加方向键改大小', layers: '图层', layersHint: '上面的盖住下面的；有占位符的文字总在最上。', add: '添加', undo: '撤销', redo: '重做', kinds: { text: '文字', image: '图片', qr: '二维码', shape: '色块', flag: '国旗' } as Record<string, string>, empty: '（空文字）',
    up: '上移一层', down: '下移一层', hide: '隐藏', show: '显示', remove: '删除图层', choose: (name: string) => `选中 ${name}`, of: (what: string, name: string) => `${name}：${what}`, full: '图层最多 30 个', onlyOne: '海报上已经有一个',
    selected: '属性', nothing: '点选一个图层来修改，或在画布上拖动。', x: '左', y: '上', w: '宽', h: '高', text: '文字', insert: '插入', size: '字号', lines: '最多几行', color: '颜色', font: '字体', fonts: { serif: '宋体', sans: '黑体' } as Record<string, string>, align: '对齐', aligns: { left: '左', center: '中', right: '右' } as Record<string, string>, bold: '加粗', tracking: '字距', radius: '圆角', opacity: '不透明度 %', scene: '背景', scenes: { salute: '晨曦', pledge: '霞光', quiz: '晴空', messages: '暮色', photos: '海天', vote: '秋晚', plain: '双色渐变' } as Record<string, string>, top: '上面的颜色', bottom: '下面的颜色',
    placeholders: { ordinal: '第几位', name: '姓名', date: '日期', time: '时间', region: '区县', lead: '您是第', title: '活动标题', activities: '主题活动', organiser: '主办单位', subtitle: '副标题', demo: '演示标记' } as Record<string, string>,
    flagRule: '国旗按国旗法绘制：长高 3∶2，不能遮挡、裁切、旋转、变色。', qrRule: '二维码自带留白，边长至少 200，上面不能有东西。', pick: '从媒体库选图', noPictures: '媒体库里还没有可用的图片', toMedia: '去媒体库上传', needAlt: '缺替代文字，不能用',
    real: '真实效果', realHint: '由服务器画出，市民看到的就是这样；姓名和序号是虚构的。', drawing: '正在画…', stale: '改动后重新画', fine: '没有问题', mustFix: '发布前必须改', look: '请留意', kilobytes: (n: number) => `${n} KB`, alt: '海报的真实效果',
    colours: { '#FFFFFF': '白', '#FFF6E3': '月白', '#F8E3B4': '麦色', '#E6ECF8': '霜白', '#B9C6E0': '雾蓝', '#8FA1C6': '远山蓝', '#22406F': '晨蓝', '#0B1A3A': '夜蓝', '#170F33': '墨紫', '#7A4A2B': '檀棕', '#1F4D3A': '松绿', '#1C2430': '墨' } as Record<string, string>,
  },
  {
    builtIn: 'The built-in poster is used', builtInTeach: 'Begin from it: move, rewrite, change pictures. The rules of the flag and the code are kept for you. The design is part of the draft and counts once it is reviewed and released.', begin: 'Design it, from the built-in one', drop: 'Back to the built-in one', dropAsk: 'The design leaves the draft. You can undo that, or find it under Versions.', dropped: 'The built-in poster is used again',
    canvas: 'Canvas: arrow keys move the chosen layer, with Shift by 10; with Alt they resize it', layers: 'Layers', layersHint: 'The upper cover the lower. Texts with placeholders are always on top.', add: 'Add', undo: 'Undo', redo: 'Redo', kinds: { text: 'Text', image: 'Picture', qr: 'QR code', shape: 'Shape', flag: 'Flag' }, empty: '(no text)',
    up: 'One up', down: 'One down', hide: 'Hide', show: 'Show', remove: 'Remove the layer', choose: (name) => `Choose ${name}`, of: (what, name) => `${name}: ${what}`, full: '30 layers at most', onlyOne: 'The poster has one already',
    selected: 'Properties', nothing: 'Choose a layer to change it, or drag it on the canvas.', x: 'Left', y: 'Top', w: 'Width', h: 'Height', text: 'Text', insert: 'Insert', size: 'Size', lines: 'Lines at most', color: 'Colour', font: 'Font', fonts: { serif: 'Serif', sans: 'Sans' }, align: 'Align', aligns: { left: 'Left', center: 'Middle', right: 'Right' }, bold: 'Bold', tracking: 'Spacing', radius: 'Rounding', opacity: 'Opacity %', scene: 'Background', scenes: { salute: 'Dawn', pledge: 'Glow', quiz: 'Clear sky', messages: 'Dusk', photos: 'Sea', vote: 'Autumn', plain: 'Two colours' }, top: 'Upper colour', bottom: 'Lower colour',
    placeholders: { ordinal: 'Ordinal', name: 'Name', date: 'Date', time: 'Time', region: 'District', lead: 'You are number', title: 'Title', activities: 'Activities', organiser: 'Organiser', subtitle: 'Subtitle', demo: 'Demo mark' },
    flagRule: 'The flag is drawn as the law has it: 3:2, never covered, cut, turned or coloured.', qrRule: 'The code brings its margin, has 200 pixels at least, and nothing lies over it.', pick: 'From the media library', noPictures: 'No picture in the library can be used yet', toMedia: 'Upload in the library', needAlt: 'needs alt text first',
    real: 'As it is', realHint: 'Drawn by the server, as citizens get it; name and ordinal are made up.', drawing: 'Drawing…', stale: 'Drawn anew after changes', fine: 'Nothing is wrong', mustFix: 'To be mended before a release', look: 'Look at this', kilobytes: (n) => `${n} KB`, alt: 'The real poster',
    colours: { '#FFFFFF': 'white', '#FFF6E3': 'moon', '#F8E3B4': 'wheat', '#E6ECF8': 'frost', '#B9C6E0': 'mist', '#8FA1C6': 'hills', '#22406F': 'morning', '#0B1A3A': 'night', '#170F33': 'plum', '#7A4A2B': 'wood', '#1F4D3A': 'pine', '#1C2430': 'ink' },
  },
)

interface Named { kinds: Record<string, string>; empty: string; placeholders: Record<string, string> }
/** What a layer is called in lists, its placeholders by their names. */
export function nameOf(t: Named, layer: { kind: string; text?: string }): string {
  if (layer.kind !== 'text') return t.kinds[layer.kind] ?? layer.kind
  return (layer.text ?? '').replace(/\{(\w+)\}/g, (whole, word: string) => `〔${t.placeholders[word] ?? whole}〕`).trim().slice(0, 18) || t.empty
}
