"""Short paragraphs in Chinese and six other languages, written for the demo, and pages made of them.

The pages of one language share paragraphs, as pages of one site do: some pairs are near-duplicates, most are not.
In the texts below, blank lines part the paragraphs; a line's end is a space, or nothing where the script has no spaces.
"""

from itertools import combinations

from jobs.demo_archives import Response
from jobs.demo_pages import article, site_page
from udfs.hashing import keyed_uint64

PARAGRAPHS_PER_PAGE = 3
MAX_PAGES_PER_LANGUAGE = 40
SCRIPTS_WITHOUT_SPACES = ("zh", "ja")
LEGACY_CHARSETS = {"zh": "gb18030", "ru": "windows-1251", "ja": "shift_jis"}

TEXTS = {
    "zh": """
村口的老磨坊建在小河边，水流推动木轮，木轮再带动石磨。每年秋收以后，各家把晒干的麦子送来，等上大半天，才能背回
一袋细白的面粉。如今磨坊早已不再使用，但屋里还留着麦子的香味，孩子们常常跑进去听老人讲从前的事。

城里的图书馆每天早上八点开门，最先进来的总是几位退休的老师。他们坐在靠窗的位置，翻看当天的报纸，偶尔低声讨论一
段新闻。到了下午，放学的学生把桌子坐满，馆员就推着小车，把散落的书一本一本放回架上。

学做豆腐并不难，难的是耐心。黄豆要提前泡一夜，磨成浆以后用细布滤去豆渣，再慢慢煮开。点卤的时候手要稳，一次只加
一小勺，等豆花结成块，才可以倒进木框里压实。压得太久会老，压得太短又容易碎。

去年春天，我们在阳台上种了几盆番茄。刚开始叶子发黄，后来才知道是水浇得太多。换了松软的土，又把花盆移到向阳的一
边，六月里就结出了第一串果子。虽然个头不大，味道却比市场上买来的甜得多。

铁路修到山里的那一年，整个县城的人都去看第一列火车。车头冒着白烟，慢慢停在新刷过漆的站台旁边，有人放鞭炮，有人
抱着孩子往前挤。从那以后，到省城只要半天时间，山里的茶叶和木材也有了销路。

写程序的人常说，读代码比写代码更花时间。一个函数如果能在十行之内说清楚自己做什么，下一个人就不必猜。名字取得准
确，胜过一大段注释；而真正需要注释的地方，往往是为什么这样做，而不是做了什么。

海边的小镇靠打鱼为生。天还没亮，渔船就一只接一只出港，到中午带着满舱的鱼回来。码头上早有人等着，过秤、装箱、撒
冰，不到一个钟头就全部运走。遇上台风的季节，船都系在港里，男人们便坐在门口补网。

这座石桥有五个桥洞，已经用了六百多年。修桥的人没有留下姓名，只在桥头的石碑上刻着当年的年号。桥面被车轮磨出了深
深的沟，下雨的时候，水顺着沟流到两边，桥中间反而是干的，可见当时的匠人想得十分周到。

天气预报说夜里会下雪，大家都不太相信，因为已经有三个冬天没有见过雪了。第二天清早推开窗户，屋顶和树枝全白了，街
上安静得出奇。邻居家的小孩先跑出来，接着整条巷子的人都拿着扫帚出门，一边扫雪一边说笑。

教我们书法的先生从不催人。他说写字和走路一样，急了就不稳。每堂课只练三个字，先看，再想，最后才动笔。一年下来，
我会写的字并不多，可是每一笔从哪里起、到哪里收，心里都清清楚楚。
""",
    "de": """
Die alte Mühle am Bach mahlt seit vierzig Jahren kein Korn mehr, aber das Rad dreht sich noch, wenn im Frühling
genug Wasser kommt. Ein kleiner Verein hält das Dach dicht und zeigt den Schulklassen, wie aus Roggen Mehl wurde.

Wer mit dem Zug in die Berge fährt, sollte links sitzen. Hinter dem zweiten Tunnel öffnet sich das Tal, und für
einige Minuten sieht man den See, die Dörfer am Ufer und an klaren Tagen sogar den Gletscher.

Ein gutes Brot braucht vor allem Zeit. Der Teig ruht über Nacht im Keller, am Morgen wird er geformt und geht noch
einmal eine Stunde lang. Erst dann kommt er in den Ofen, der so heiß sein muss, dass die Kruste sofort fest wird.
""",
    "fr": """
Le moulin du village ne sert plus depuis longtemps, mais on l'ouvre encore chaque premier dimanche de septembre. Les
enfants tournent la petite meule à la main et repartent avec un sachet de farine qu'ils ont faite eux-mêmes.

La bibliothèque municipale a changé ses horaires au début de l'année. Elle reste ouverte le jeudi soir jusqu'à neuf
heures, ce qui permet aux personnes qui travaillent d'emprunter des livres sans devoir attendre le samedi.

Pour réussir une bonne soupe de légumes, il faut couper les carottes très fin et les faire revenir doucement avec un
oignon. On ajoute ensuite l'eau et les pommes de terre, puis on laisse cuire une demi-heure à feu doux.
""",
    "es": """
El molino de la colina se construyó cuando todavía no había carretera. Los campesinos subían el trigo en burro y
pagaban con una parte de la harina, porque en aquellos años casi nadie tenía dinero en casa.

Desde la ventana de la escuela se ve el puerto. Cuando llega un barco grande, la maestra deja que los niños miren
unos minutos, y después les pide que escriban de dónde puede venir y qué lleva en sus bodegas.

El tren de la costa sale cada dos horas y para en todos los pueblos. No es rápido, pero los viajeros lo prefieren al
autobús, porque desde sus asientos pueden ver el mar durante casi todo el camino.
""",
    "ru": """
Старая мельница стоит на берегу реки уже больше двухсот лет. Раньше сюда привозили зерно из всех соседних деревень,
а теперь в ней устроили небольшой музей, где можно увидеть жернова и потрогать их руками.

Зимой поезд до города идёт почти четыре часа, потому что пути часто заносит снегом. Пассажиры берут с собой чай и
книги, разговаривают друг с другом и смотрят в окно на белые поля и тёмный лес.

Чтобы вырастить хорошие помидоры, семена сеют в начале марта и держат на тёплом окне. В мае рассаду переносят в
теплицу, поливают вечером и следят, чтобы листья не касались сырой земли.
""",
    "ja": """
村のはずれにある古い水車小屋は、今でも春になると回り始めます。昔は近くの農家が小麦を運んできて、一日かけて粉に
してもらいました。今は子どもたちが見学に来て、石うすの音に耳をすませます。

駅前の図書館は、朝九時に開きます。窓ぎわの席はすぐにいっぱいになり、午後になると学校帰りの生徒が宿題をしに集ま
ってきます。係の人は静かに歩きながら、読み終わった本を棚に戻していきます。

おいしい味噌汁を作るには、まず昆布を水に入れてゆっくり温めます。沸騰する前に取り出し、豆腐と季節の野菜を加えま
す。火を止めてから味噌を溶かすと、香りがよく残ります。
""",
    "pt": """
O moinho da aldeia deixou de trabalhar há muitos anos, mas as pessoas ainda contam como era. Ao sábado formava-se
uma fila de carroças até à ponte, e os mais velhos aproveitavam a espera para trocar notícias.

A biblioteca fica no primeiro andar da câmara municipal e tem uma sala só para crianças. Todas as quartas-feiras
alguém lê uma história em voz alta, e no fim cada criança pode levar um livro para casa.

O comboio que sobe a serra é lento, mas ninguém se queixa. A cada curva aparece uma vista diferente, e na última
estação há um café onde servem pão quente com queijo da região.
""",
}


def language_pages(seed: int) -> list[Response]:
    """Pages in each language: choices of three paragraphs, or of two where there are only three, drawn by a hash."""
    return [page for language in TEXTS for page in _pages(language, seed)]


def _pages(language: str, seed: int) -> list[Response]:
    paragraphs = _paragraphs(language)
    size = min(PARAGRAPHS_PER_PAGE, len(paragraphs) - 1)
    choices = sorted(combinations(paragraphs, size), key=lambda chosen: keyed_uint64(seed, "".join(chosen)))
    pages = [list(chosen) for chosen in choices[:MAX_PAGES_PER_LANGUAGE]]
    pages += [[*page, page[0][:40]] for page in pages[: len(pages) // 4]]  # the same again, with a teaser below
    return [_page(language, number, page, seed) for number, page in enumerate(pages)]


def _paragraphs(language: str) -> list[str]:
    line_end = "" if language in SCRIPTS_WITHOUT_SPACES else " "
    return [paragraph.replace("\n", line_end) for paragraph in TEXTS[language].strip().split("\n\n")]


def _page(language: str, number: int, paragraphs: list[str], seed: int) -> Response:
    """Every third page of a language that has an older charset is encoded in it, and says so."""
    url = f"https://{language}.example/{number:03d}.html"
    title = paragraphs[0][:12]
    page = site_page(url, title, article(title, paragraphs), (), seed)
    charset = LEGACY_CHARSETS.get(language, "utf-8") if number % 3 == 0 else "utf-8"
    body = page.body.decode().encode(charset, "xmlcharrefreplace")
    return Response(url, body, f"text/html; charset={charset}")
