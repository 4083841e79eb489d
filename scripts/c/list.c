/* A list to look at with the debugger, and a pointer that leads nowhere at its end. It needs no C
   library, so that its debug information is small. */
enum colour { RED, GREEN = 5 };

struct node {
    char name[8];
    int value;
    enum colour colour;
    struct node *next;
};

static struct node pool[8];
static struct node *head;
static int count;

static void push(const char *name, int value)
{
    struct node *node = &pool[count];
    for (int i = 0; name[i]; i++)
        node->name[i] = name[i];
    node->value = value;
    node->colour = value % 2 ? GREEN : RED;
    node->next = head;
    head = node;
    count++;
}

static int total(struct node *list)
{
    int sum = 0;
    for (int i = 0; i <= count; i++) {
        sum += list->value;
        list = list->next;
    }
    return sum;
}

int main(void)
{
    push("one", 1);
    push("two", 2);
    int sum = total(head);
    __asm__ volatile("int $0x80" : : "a"(1), "b"(sum)); /* exit */
    return 0;
}
