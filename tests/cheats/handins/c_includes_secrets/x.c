#include "/etc/passwd"
int main(void) { return 7; }
